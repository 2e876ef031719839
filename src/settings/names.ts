/**
 * Names of django-lasuite's login module, of mozilla-django-oidc and of the applications built on them. They stand
 * in the same environment, mean nothing here, and are passed over in silence.
 */
export const LOGIN_SETTINGS: ReadonlySet<string> = new Set([
  'OIDC_ALLOW_DUPLICATE_EMAILS',
  'OIDC_ALLOW_UNSECURED_JWT',
  'OIDC_AUTHENTICATE_CLASS',
  'OIDC_AUTHENTICATION_CALLBACK_URL',
  'OIDC_AUTH_REQUEST_EXTRA_PARAMS',
  'OIDC_CALLBACK_CLASS',
  'OIDC_CREATE_USER',
  'OIDC_DRF_AUTH_BACKEND',
  'OIDC_ESSENTIAL_CLAIMS',
  'OIDC_EXEMPT_URLS',
  'OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION',
  'OIDC_FIELDS_TO_FULLNAME',
  'OIDC_FIELD_TO_SHORTNAME',
  'OIDC_MAX_STATES',
  'OIDC_NONCE_SIZE',
  'OIDC_OP_AUTHORIZATION_ENDPOINT',
  'OIDC_OP_AUTH_ENDPOINT',
  'OIDC_OP_BASE_URL',
  'OIDC_OP_LOGOUT_ENDPOINT',
  'OIDC_OP_LOGOUT_URL_METHOD',
  'OIDC_PKCE_CODE_CHALLENGE_METHOD',
  'OIDC_PKCE_CODE_VERIFIER_SIZE',
  'OIDC_REDIRECT_ALLOWED_HOSTS',
  'OIDC_REDIRECT_FIELD_NAME',
  'OIDC_REDIRECT_REQUIRE_HTTPS',
  'OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS',
  'OIDC_RP_IDP_SIGN_KEY',
  'OIDC_RP_SCOPES',
  'OIDC_RP_SIGN_ALGO',
  'OIDC_STATE_SIZE',
  'OIDC_STORE_ACCESS_TOKEN',
  'OIDC_STORE_ID_TOKEN',
  'OIDC_STORE_REFRESH_TOKEN',
  'OIDC_STORE_REFRESH_TOKEN_KEY',
  'OIDC_TOKEN_USE_BASIC_AUTH',
  'OIDC_USERNAME_ALGO',
  'OIDC_USER_SUB_FIELD',
  'OIDC_USER_SUB_FIELD_IMMUTABLE',
  'OIDC_USE_NONCE',
  'OIDC_USE_PKCE',
  'OIDC_VERIFY_JWT',
  'OIDC_VERIFY_KID',
]);

/** The setting that a strange name is probably meant for: `OIDC_RS_SCOPES` for `OIDC_RS_SCOPE`, `scopes` or `Scope`. */
export function nearestName(name: string, known: readonly string[]): string {
  const upper = name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  const distances = known.map((candidate) =>
    Math.min(
      editDistance(upper, candidate),
      editDistance(upper, candidate.replace(/^OIDC_(?:R[SP]_|OP_)?/, '')),
    ),
  );
  return known[distances.indexOf(Math.min(...distances))] ?? '';
}

/** Whether a name is a slip or two away from a known one, and not as near to one of the login module's. */
export function isNearMiss(name: string, known: readonly string[]): boolean {
  const upper = name.toUpperCase();
  const distance = (other: string): number => editDistance(upper, other, 2);
  // Short names are easily alike.
  const near = known.filter((other) => distance(other) <= (other.length < 10 ? 1 : 2));
  const nearest = Math.min(...near.map(distance));
  return near.length > 0 && ![...LOGIN_SETTINGS].some((other) => distance(other) <= nearest);
}

/**
 * Characters put in, left out, replaced, or swapped with their neighbour (optimal string alignment). What is more
 * than `most` comes back as Infinity, early.
 */
function editDistance(from: string, to: string, most = Infinity): number {
  if (Math.abs(from.length - to.length) > most) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, column - 2) + 1 : Infinity,
      );
    }
    if (Math.min(...current) > most) return Infinity;
    [beforeLast, last] = [last, current];
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
