import { isResourceServerError } from '../errors.ts';
import { referenceOf } from '../secret.ts';
import type { Answer, Endpoint, Logger, ReadBody, ResourceRequest, RevocationTarget } from '../types.ts';
import { LogoutRejections } from './logout-rejections.ts';
import {
  type LogoutToken,
  LogoutTokenError,
  type LogoutTokenSettings,
  type SignatureVerifier,
  verifyLogoutToken,
} from './logout-token.ts';
import { OnceOnly } from './once-only.ts';

/** What {@link backchannelLogoutEndpoint} needs. */
export interface BackchannelLogoutOptions {
  readonly settings: LogoutTokenSettings;
  /** The keys of the authorization server. */
  readonly signingKeys: SignatureVerifier;
  /** Makes unusable what is cached; rejects where that could not be done for all processes. */
  readonly revoke: (target: RevocationTarget) => Promise<void>;
  readonly logger: Logger;
}

const MAX_BODY_BYTES = 16 * 1024;
const FORM = 'application/x-www-form-urlencoded';
const RETRY_AFTER_SECONDS = 5;

const DONE = answer(200);
const INVALID = answer(400, 'invalid_request');
const NOT_ALLOWED = answer(405, undefined, { allow: 'POST' });
const TOO_LARGE = answer(413, 'invalid_request');
const NO_FORM = answer(415, 'invalid_request');

/**
 * The endpoint at `/backchannel-logout`, by which the authorization server says that somebody's session has ended: what is
 * cached about the tokens of that session and that person is made unusable. POST alone, open to anyone: the logout token
 * proves who sends it.
 *
 * 200 is answered once the revocation is written down, 400 to anything wrong with the request, and 503 with `Retry-After`
 * where the signing keys could not be had or the revocation could not be written: the same logout token may be sent again.
 *
 * A logout token is taken once by each process. Replayed to another one before it expires, it
 * costs that one its cached answers about the person, and no more.
 *
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest | Back-Channel Logout sections 2.5 to 2.8}
 */
export function backchannelLogoutEndpoint(options: BackchannelLogoutOptions): Endpoint {
  const { settings, signingKeys, logger } = options;
  const onceOnly = new OnceOnly();
  const rejections = new LogoutRejections(logger);
  const refused = (reason: string, message: string, given = INVALID): Answer => {
    rejections.log(reason, message);
    return given;
  };

  const respond = async (request: ResourceRequest, readBody?: ReadBody): Promise<Answer> => {
    if (request.method !== 'POST') return NOT_ALLOWED;
    if (!isForm(request.rawHeaders)) {
      return refused('content_type', `The request is no form: its Content-Type is not ${FORM}.`, NO_FORM);
    }
    const body = await readBody?.(MAX_BODY_BYTES);
    if (body === undefined) return refused('too_large', 'The request is larger than 16 KB.', TOO_LARGE);
    const [token = '', another] = new URLSearchParams(body).getAll('logout_token');
    if (token === '' || another !== undefined) {
      return refused(
        'logout_token',
        'The request does not have exactly one "logout_token". Where it was sent one, something in front of this endpoint has read the body and kept nothing.',
      );
    }
    let logout: LogoutToken;
    try {
      logout = await verifyLogoutToken(token, settings, signingKeys);
    } catch (error) {
      if (error instanceof LogoutTokenError) return refused(error.reason, error.message);
      // By its code, not its class: the keys cannot be had.
      if (isResourceServerError(error)) return unavailable((error as { retryAfter?: number }).retryAfter);
      throw error;
    }
    try {
      const { jti, expiresAt } = logout;
      if (!(await onceOnly.run(jti, expiresAt, () => revokeAll(options, logout)))) {
        return refused('replayed', 'This logout token has been taken before.');
      }
    } catch {
      return unavailable();
    }
    return DONE;
  };
  return Object.freeze({ path: '/backchannel-logout', respond });
}

/**
 * Revokes by session and by person, where both are named: many servers say nothing of sessions in an introspection, and what
 * they said would not be found by its `sid`. Other sessions of the person lose no more than their cached answers.
 */
async function revokeAll({ revoke, logger }: BackchannelLogoutOptions, logout: LogoutToken): Promise<void> {
  const { sub, sid } = logout;
  const who = {
    ...(sub !== undefined && { user_ref: referenceOf(sub) }),
    ...(sid !== undefined && { session_ref: referenceOf(sid) }),
  };
  const targets: RevocationTarget[] = [];
  if (sid !== undefined) targets.push({ sid });
  if (sub !== undefined) targets.push({ sub });
  // All of them settled: nothing is still on its way when the authorization server tries again.
  const outcomes = await Promise.allSettled(targets.map(async (target) => revoke(target)));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure === undefined) {
    log(() => {
      logger.info(
        { event: 'logout.received', ...who },
        'A session has ended; what was cached about it is not used any more.',
      );
    });
    return;
  }
  // The name alone: the message is the store's, and may hold its address.
  const cause = failure.reason instanceof Error ? failure.reason.name : typeof failure.reason;
  log(() => {
    logger.error(
      { event: 'logout.failed', cause, ...who },
      'A session has ended, and that could not be written down: cached answers about it may be used until they expire. ' +
        'Look at the store behind OIDC_RS_CACHE_URL.',
    );
  });
  throw failure.reason;
}

/** A logger that fails must not make another answer of it. */
function log(write: () => void): void {
  try {
    write();
  } catch {
    // Nowhere to say so.
  }
}

function isForm(rawHeaders: readonly string[]): boolean {
  const types = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'content-type',
  );
  return types.length === 1 && types[0]?.split(';', 1)[0]?.trim().toLowerCase() === FORM;
}

function unavailable(retryAfter = RETRY_AFTER_SECONDS): Answer {
  return answer(503, 'temporarily_unavailable', { 'retry-after': String(retryAfter) });
}

/** Fixed texts: nothing of the logout token. */
function answer(status: number, error?: string, headers: Record<string, string> = {}): Answer {
  return Object.freeze({
    status,
    headers: Object.freeze({
      ...headers,
      'cache-control': 'no-store',
      ...(error !== undefined && { 'content-type': 'application/json' }),
    }),
    body: error === undefined ? '' : JSON.stringify({ error }),
  });
}
