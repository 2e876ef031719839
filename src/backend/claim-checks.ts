import { callerAudience, type Claims, isTime, ownClaim, scopesOf } from '../claims.ts';
import { InsufficientScopeError, InvalidTokenError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Requirements } from '../types.ts';

// What `getClaims` checks is frozen and has no prototype: what it does not have, nothing lends it. The claims of `verifyClaims` may be
// a copy that a subclass has made, so that only its own members count.

/** Refuses whatever is not `active: true` (RFC 7662 section 2.2). */
export function checkActive(claims: Claims): void {
  if (claims.active !== true) {
    throw new InvalidTokenError('inactive', 'The authorization server says that the token is not active.');
  }
}

/** Checks `exp`, `nbf` and `iat` even though `active` says yes. A value that is no finite number is refused. */
export function checkTimes(claims: Claims, tolerance: number, now = Date.now() / 1000): void {
  const exp = claims.exp;
  if (exp !== undefined && !(isTime(exp) && exp > now - tolerance)) {
    throw new InvalidTokenError('expired', 'The token has expired.');
  }
  checkFrom('nbf', claims.nbf, now + tolerance);
  checkFrom('iat', claims.iat, now + tolerance);
}

function checkFrom(name: string, from: unknown, latest: number): void {
  if (from === undefined || (isTime(from) && from <= latest)) return;
  throw new InvalidTokenError('not_yet_valid', `The token's "${name}" is in the future: compare the clocks.`);
}

/** Checks that `iss`, where it is there, is exactly the configured issuer: no normalising. */
export function checkIssuer(claims: Claims, issuer: string | undefined, required: boolean): void {
  const iss = claims.iss;
  if (iss === undefined && !required) return;
  if (typeof iss !== 'string' || iss !== issuer) {
    throw new InvalidTokenError(
      'issuer',
      iss === undefined
        ? 'The answer names no issuer, which OIDC_RS_REQUIRE_ISSUER asks for.'
        : 'The token comes from another issuer: OIDC_OP_URL must equal its "iss" exactly, a trailing slash included.',
    );
  }
}

/** Refuses refresh and ID tokens, which some servers call active: `token_type` must be Bearer or DPoP. */
export function checkTokenType(claims: Claims, required: boolean): void {
  const type = claims.token_type;
  if (type === undefined) {
    if (!required) return;
    throw new InvalidTokenError(
      'token_type',
      'The answer has no "token_type": it may be a refresh token. If this authorization server never sends one, ' +
        'set OIDC_RS_REQUIRE_TOKEN_TYPE=false.',
    );
  }
  // As nearly every server writes it; nothing is made for it.
  if (type === 'Bearer') return;
  const name = typeof type === 'string' ? type.toLowerCase() : '';
  if (name !== 'bearer' && name !== 'dpop') {
    throw new InvalidTokenError(
      'token_type',
      'The token is not an access token: its "token_type" is another.',
    );
  }
}

/** Checks that the token is from an allowed caller, and for this API where `OIDC_RS_RESOURCE` says which that is. */
export function checkAudience(claims: Claims, settings: Settings): void {
  callerAudience(claims, settings.OIDC_RS_AUDIENCE_CLAIM, settings.OIDC_RS_ALLOWED_AUDIENCES);
  const resource = settings.OIDC_RS_RESOURCE;
  if (resource === undefined) return;
  const aud = ownClaim(claims, 'aud');
  if (aud === resource || (Array.isArray(aud) && aud.includes(resource))) return;
  throw new InvalidTokenError(
    'resource',
    'The token is not meant for this API: its "aud" lacks OIDC_RS_RESOURCE.',
  );
}

/**
 * Checks the scopes: any one of `OIDC_RS_SCOPES` (all of them with `OIDC_RS_SCOPES_MATCH=all`), and on top of that
 * every one of the route's `scopes` and one of its `anyScope`.
 */
export function checkScopes(claims: Claims, settings: Settings, requirements: Requirements): void {
  const { OIDC_RS_SCOPES: asked, OIDC_RS_SCOPES_MATCH: match } = settings;
  const { scopes = [], anyScope = [] } = requirements;
  if (asked.length + scopes.length + anyScope.length === 0) return;
  const granted = scopesOf(claims);
  const has = (scope: string): boolean => granted.includes(scope);
  if (
    (asked.length === 0 || (match === 'all' ? asked.every(has) : asked.some(has))) &&
    scopes.every(has) &&
    (anyScope.length === 0 || anyScope.some(has))
  ) {
    return;
  }
  throw new InsufficientScopeError([...new Set([...asked, ...scopes, ...anyScope])]);
}
