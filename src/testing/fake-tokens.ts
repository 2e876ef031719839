import type { Claims } from '../claims.ts';
import type { Settings } from '../settings.ts';

/** A token behind which there is a person. */
export interface FakePersonToken<U> {
  /** Who comes in with it: what routes get as `user`. `undefined`: nobody here knows the person. */
  readonly user: U | undefined;
  /** The token's scopes. Default: none. */
  readonly scopes?: readonly string[];
  /**
   * The caller behind the token, as the claim that `OIDC_RS_AUDIENCE_CLAIM` names (`client_id`, unless set otherwise).
   * Default: the first of `OIDC_RS_ALLOWED_AUDIENCES`, or `test-client`.
   */
  readonly audience?: string;
  /**
   * What else the authorization server says, and what it says otherwise: `sub` (default: `person-1` and so on, in the
   * order of the table), `exp`, `cnf`, `active`. A claim that is `undefined` is left out.
   */
  readonly claims?: Claims;
}

/** The token of a client that acts for itself. */
export interface FakeClientToken {
  /** Its `client_id`. */
  readonly client: string;
  /** The token's scopes. Default: none. */
  readonly scopes?: readonly string[];
  /** What else the authorization server says, and what it says otherwise. A claim that is `undefined` is left out. */
  readonly claims?: Claims;
}

/** What a token means: a person, a client, or an error that comes instead of an answer about it. */
export type FakeToken<U> = FakePersonToken<U> | FakeClientToken | Error;

/** What the authorization server would say about a token, with what the settings ask for as the default. */
export function fakeClaims(
  token: FakePersonToken<unknown> | FakeClientToken,
  position: number,
  settings: Settings,
): Claims {
  const { OIDC_RS_AUDIENCE_CLAIM: audienceClaim, OIDC_RS_ALLOWED_AUDIENCES: allowed } = settings;
  const audience = 'client' in token ? token.client : (token.audience ?? allowed[0] ?? 'test-client');
  const claims: Claims = {
    active: true,
    iss: settings.OIDC_OP_URL,
    token_type: 'Bearer',
    client_id: audience,
    aud: settings.OIDC_RS_RESOURCE,
    ...(!('client' in token) && { sub: `person-${String(position)}` }),
    [audienceClaim]: audience,
    scope: token.scopes?.join(' '),
    ...token.claims,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
