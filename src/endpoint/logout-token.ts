import { isIdentifier, isTime, ownClaim } from '../claims.ts';
import type { Settings } from '../settings.ts';

/** The settings that say which logout tokens are believed. */
export type LogoutTokenSettings = Pick<
  Settings,
  | 'OIDC_OP_URL'
  | 'OIDC_RS_CLIENT_ID'
  | 'OIDC_RP_CLIENT_ID'
  | 'OIDC_RS_LOGOUT_AUDIENCES'
  | 'OIDC_RS_LOGOUT_SIGNING_ALGO'
  | 'OIDC_RS_CLOCK_TOLERANCE'
>;

/** What verifies a signature by the keys of the authorization server: its `SigningKeys`. */
export interface SignatureVerifier {
  /** Verifies a compact JWS; rejects with a `SignatureError`, or with an `AuthorizationServerError` without keys. */
  verify(
    jws: string,
    requirements: {
      readonly algorithm: string;
      readonly types: readonly string[];
      readonly typeOptional: boolean;
    },
  ): Promise<{ readonly payload: Record<string, unknown> }>;
}

/** Who was logged out: a subject, one of its sessions, or both. */
export interface LogoutToken {
  /** The name of this token, which no other token of the issuer has. */
  readonly jti: string;
  readonly sub: string | undefined;
  readonly sid: string | undefined;
  /** When the token is too old to be taken, in seconds since the epoch; the tolerance is in it. */
  readonly expiresAt: number;
}

const TEXTS = {
  encrypted:
    'The logout token is encrypted, which is not supported: register the login client without encrypted ID tokens.',
  header: 'The logout token is no compact JWS, or its header is malformed.',
  algorithm:
    'The logout token is not signed by OIDC_RS_LOGOUT_SIGNING_ALGO: set it as the login client is registered.',
  type: 'It is another kind of token than a logout token.',
  kid: 'The authorization server publishes no key that fits the logout token. After a change of keys this can last half a minute.',
  signature: 'The signature of the logout token is wrong.',
  payload: 'The logout token holds no JSON object.',
  iss: 'The issuer of the logout token is not exactly OIDC_OP_URL.',
  aud: 'The logout token is meant for another client: add the login client to OIDC_RS_LOGOUT_AUDIENCES.',
  iat: 'The logout token has no usable "iat", or one that is in the future or over two minutes old: compare the clocks.',
  exp: 'The logout token has expired, or has no usable "exp".',
  nbf: 'The "nbf" of the logout token is in the future, or unusable: compare the clocks.',
  events: 'It is no logout token: its "events" lack the event of Back-Channel Logout.',
  nonce: 'It has a "nonce": an ID token, say, but no logout token.',
  jti: 'The logout token has no usable "jti".',
  sub: 'The "sub" of the logout token is not a usable identifier.',
  sid: 'The "sid" of the logout token is not a usable identifier.',
  nobody: 'The logout token names neither a person ("sub") nor a session ("sid").',
} as const;

/** What did not hold about a logout token. */
export type LogoutTokenReason = keyof typeof TEXTS;

/** A logout token that is not to be believed. Its text is fixed and holds nothing of the token. */
export class LogoutTokenError extends Error {
  readonly reason: LogoutTokenReason;

  constructor(reason: LogoutTokenReason) {
    super(TEXTS[reason]);
    this.name = 'LogoutTokenError';
    this.reason = reason;
  }
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const MAX_AGE_SECONDS = 120;

/**
 * Verifies a logout token by every check of section 2.6, except whether its `jti` came before.
 *
 * Its type is `logout+jwt`, or the `JWT` and the missing one of older servers: then the event, which no other token has,
 * tells it from them. Encrypted ones are refused.
 *
 * @param now The time, in seconds since the epoch.
 * @throws LogoutTokenError when the token is not to be believed
 * @throws AuthorizationServerError when the keys of the authorization server cannot be had
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation | Back-Channel Logout section 2.6}
 */
export async function verifyLogoutToken(
  token: string,
  settings: LogoutTokenSettings,
  verifier: SignatureVerifier,
  now = Date.now() / 1000,
): Promise<LogoutToken> {
  if (token.split('.', 6).length === 5) throw new LogoutTokenError('encrypted');
  let payload: Record<string, unknown>;
  try {
    ({ payload } = await verifier.verify(token, {
      algorithm: settings.OIDC_RS_LOGOUT_SIGNING_ALGO,
      types: ['logout+jwt', 'JWT'],
      typeOptional: true,
    }));
  } catch (error) {
    throw failedCheck(error);
  }
  return checkPayload(payload, settings, now);
}

/** By name: this layer knows signing keys by their type alone. */
function failedCheck(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'SignatureError') return error;
  const { check } = error as Error & { check?: unknown };
  return new LogoutTokenError(
    typeof check === 'string' && Object.hasOwn(TEXTS, check) ? (check as LogoutTokenReason) : 'signature',
  );
}

function checkPayload(
  payload: Record<string, unknown>,
  settings: LogoutTokenSettings,
  now: number,
): LogoutToken {
  const claim = (name: string): unknown => ownClaim(payload, name);
  const demand = (holds: boolean, reason: LogoutTokenReason): void => {
    if (!holds) throw new LogoutTokenError(reason);
  };
  const tolerance = settings.OIDC_RS_CLOCK_TOLERANCE;
  const iss = claim('iss');
  demand(typeof iss === 'string' && iss === settings.OIDC_OP_URL, 'iss');
  const aud = claim('aud');
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const allowed = allowedAudiences(settings);
  demand(
    audiences.some((audience) => typeof audience === 'string' && allowed.includes(audience)),
    'aud',
  );
  // What tells it from the other tokens of this issuer, before anything that a wrong clock could be blamed for.
  const events = claim('events');
  demand(isObject(events) && isObject(ownClaim(events, EVENT)), 'events');
  demand(!Object.hasOwn(payload, 'nonce'), 'nonce');

  const { iat, exp, nbf } = { iat: claim('iat'), exp: claim('exp'), nbf: claim('nbf') };
  if (!(isTime(iat) && iat <= now + tolerance && iat > now - tolerance - MAX_AGE_SECONDS)) {
    throw new LogoutTokenError('iat');
  }
  if (!(isTime(exp) && exp > now - tolerance)) throw new LogoutTokenError('exp');
  demand(nbf === undefined || (isTime(nbf) && nbf <= now + tolerance), 'nbf');

  const { jti, sub, sid } = { jti: claim('jti'), sub: claim('sub'), sid: claim('sid') };
  if (!isIdentifier(jti)) throw new LogoutTokenError('jti');
  if (sub !== undefined && !isIdentifier(sub)) throw new LogoutTokenError('sub');
  if (sid !== undefined && !isIdentifier(sid)) throw new LogoutTokenError('sid');
  demand(sub !== undefined || sid !== undefined, 'nobody');
  return { jti, sub, sid, expiresAt: Math.min(exp, iat + MAX_AGE_SECONDS) + tolerance };
}

/** The login client of the API's team as a rule: not the client that asks about tokens. */
function allowedAudiences(settings: LogoutTokenSettings): readonly unknown[] {
  const { OIDC_RS_LOGOUT_AUDIENCES: named, OIDC_RS_CLIENT_ID, OIDC_RP_CLIENT_ID } = settings;
  return named.length > 0 ? named : [OIDC_RS_CLIENT_ID, OIDC_RP_CLIENT_ID];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
