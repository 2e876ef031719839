import { type Claims, ownClaim } from '../claims.ts';
import type { SenderConstraint } from '../constraint/sender-constraint.ts';
import { InvalidTokenError } from '../errors.ts';
import type { AccessToken } from '../secret.ts';
import type { ResourceRequest } from '../types.ts';

/**
 * Checks that the sender of a key-bound token is its holder; the third of the five steps.
 *
 * Every member of `cnf` must be checked by a constraint: one that nobody here can check is refused, never ignored.
 *
 * @throws ChallengeError when it is not shown that the sender is the holder
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-7.2 | RFC 9449 section 7.2}
 */
export function verifyPossession(
  constraints: readonly SenderConstraint[],
  request: ResourceRequest,
  token: AccessToken,
  claims: Claims,
): Promise<void> | undefined {
  const confirmation = ownClaim(claims, 'cnf');
  if (confirmation !== undefined) return verifyEach(confirmation, constraints, request, token, claims);
  // Bound by its type or by how it was sent, and yet nothing says to which key.
  const type = ownClaim(claims, 'token_type');
  if (token.scheme === 'DPoP' || (typeof type === 'string' && type.toLowerCase() === 'dpop'))
    throw unverifiable();
  return undefined;
}

async function verifyEach(
  confirmation: unknown,
  constraints: readonly SenderConstraint[],
  request: ResourceRequest,
  token: AccessToken,
  claims: Claims,
): Promise<void> {
  const members = typeof confirmation === 'object' && confirmation !== null ? Object.keys(confirmation) : [];
  if (members.length === 0) throw unverifiable();
  const checks = members.map((member) =>
    constraints.find((constraint) => constraint.confirmation === member),
  );
  if (checks.includes(undefined)) throw unverifiable();
  if (token.scheme === 'DPoP' && !checks.some((check) => check?.scheme === 'DPoP')) throw unverifiable();
  for (const check of checks) await check?.verify(request, token, claims);
}

function unverifiable(): InvalidTokenError {
  return new InvalidTokenError(
    'confirmation',
    'The token is bound to a key (cnf), and this API cannot check that its sender holds that key.',
  );
}
