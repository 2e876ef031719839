import { type Claims, isIdentifier, ownClaim } from '../claims.ts';
import { type ChallengeError, isResourceServerError } from '../errors.ts';
import { type AccessToken, referenceOf } from '../secret.ts';
import type { Logger } from '../types.ts';

// What any caller can bring about at will. The other reasons hint at a setting that does not fit, so they warn.
const EVERYDAY = new Set([
  'no_credentials',
  'several_headers',
  'malformed',
  'query',
  'too_long',
  'inactive',
  'expired',
  'scope',
]);

/**
 * Logs why a request was refused: the caller is told no more than the code.
 *
 * Faults of the authorization server were logged where they were found, and errors that nobody foresaw are logged with
 * the answer.
 */
export function logRefusal(
  logger: Logger,
  error: unknown,
  token: AccessToken | undefined,
  claims: Claims | undefined,
): void {
  try {
    log(logger, error, token, claims);
  } catch {
    // A logger that fails must not make another answer of a refusal.
  }
}

function log(
  logger: Logger,
  error: unknown,
  token: AccessToken | undefined,
  claims: Claims | undefined,
): void {
  if (!isResourceServerError(error)) return;
  if (error.code === 'ERR_USER_STORE') {
    const cause = error.cause instanceof Error ? error.cause.name : typeof error.cause;
    logger.error({ event: 'user_store.unavailable', cause }, error.message);
  }
  if (!('reason' in error)) return;
  const { reason, message } = error as ChallengeError;
  const level = EVERYDAY.has(reason) ? 'info' : 'warn';
  if (token === undefined) {
    logger[level]({ event: 'request.rejected', reason }, message);
    return;
  }
  const event = reason === 'unknown_user' || reason === 'disabled_user' ? 'user.refused' : 'token.rejected';
  logger[level]({ event, reason, token_ref: token.reference, ...whoseToken(claims) }, message);
}

function whoseToken(claims: Claims | undefined): { client_id?: string; user_ref?: string } {
  if (claims === undefined) return {};
  const client = ownClaim(claims, 'client_id');
  const subject = ownClaim(claims, 'sub');
  return {
    ...(isIdentifier(client) && { client_id: client }),
    ...(isIdentifier(subject) && { user_ref: referenceOf(subject) }),
  };
}
