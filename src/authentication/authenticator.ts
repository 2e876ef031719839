import { isThenable } from '../awaitable.ts';
import type { ResourceServerBackend } from '../backend/resource-server-backend.ts';
import { callerAudience, type Claims, freezeClaims, identityOf, scopesOf } from '../claims.ts';
import type { SenderConstraint } from '../constraint/sender-constraint.ts';
import { InvalidTokenError, NoCredentialsError, UserStoreError } from '../errors.ts';
import type { AccessToken, TokenScheme } from '../secret.ts';
import type { Settings } from '../settings.ts';
import type { Authentication, Logger, Requirements, ResourceRequest } from '../types.ts';
import type { UserStore } from '../user/user-store.ts';
import { verifyPossession } from './possession.ts';
import { logRefusal } from './refusal-log.ts';
import { extractAccessToken } from './token-extractor.ts';

/** What {@link Authenticator} is made of. */
export interface AuthenticatorOptions<U, C extends Claims> {
  readonly settings: Settings;
  readonly backend: ResourceServerBackend<U, C>;
  readonly constraints: readonly SenderConstraint[];
  readonly userStore: UserStore<U>;
  readonly logger: Logger;
}

const SAID_NO = 'verifyClaims returned false. It has to throw: an InvalidTokenError can say what is wrong.';
const CLIENT_ALONE =
  'A client acts for itself here, with no person behind the token; a route that takes it says { clients: true }.';
const NOTHING_REQUIRED: Requirements = Object.freeze({});

/** Owns the order of the five steps: token, claims, possession, decision, user. Nothing else does. */
export class Authenticator<U, C extends Claims> {
  readonly #options: AuthenticatorOptions<U, C>;
  readonly #schemes: readonly TokenScheme[];

  constructor(options: AuthenticatorOptions<U, C>) {
    this.#options = options;
    this.#schemes = ['Bearer', ...options.constraints.flatMap(({ scheme }) => scheme ?? [])];
  }

  /** Says who makes the request; `undefined` only where credentials are optional and there are none. */
  async authenticate(
    request: ResourceRequest,
    requirements: Requirements = NOTHING_REQUIRED,
  ): Promise<Authentication<U, C> | undefined> {
    const { settings, backend, constraints, logger } = this.#options;
    let token: AccessToken | undefined;
    let claims: C | undefined;
    try {
      token = extractAccessToken(request, this.#schemes);
      if (token === undefined) {
        if (requirements.optional) return undefined;
        throw new NoCredentialsError();
      }
      // Only what has to be waited for is: what is known in memory is decided on within one turn.
      const known = backend.getClaims(token);
      claims = freezeClaims(isThenable(known) ? await known : known);
      const possession = verifyPossession(constraints, request, token, claims);
      if (possession !== undefined) await possession;
      const decision = backend.verifyClaims(claims, requirements) as void | Promise<unknown>;
      // In Django it returns whether the claims are good; a hook that says no in that way must not let in.
      if (decision !== undefined && (await decision) === false)
        throw new InvalidTokenError('claims', SAID_NO);
      // Who it is cannot be lost by a subclass either: what a route is handed is typed by it.
      const { OIDC_RS_AUDIENCE_CLAIM, OIDC_RS_ALLOWED_AUDIENCES } = settings;
      const audience = callerAudience(claims, OIDC_RS_AUDIENCE_CLAIM, OIDC_RS_ALLOWED_AUDIENCES);
      const scopes = scopesOf(claims);
      const { client } = identityOf(claims);
      if (client === undefined) {
        const found = backend.getOrCreateUser(claims, token);
        const user = this.#usable(isThenable(found) ? await found : found);
        return Object.freeze({ user, client, claims, token, audience, scopes });
      }
      if (!requirements.clients) throw new InvalidTokenError('client', CLIENT_ALONE);
      return Object.freeze({ user: undefined, client, claims, token, audience, scopes });
    } catch (error) {
      logRefusal(logger, error, token, claims);
      throw error;
    }
  }

  #usable(user: U | undefined | null): U {
    if (user === undefined || user === null) {
      throw new InvalidTokenError('unknown_user', 'There is no local user for the person behind the token.');
    }
    if (!this.#isActive(user)) {
      throw new InvalidTokenError('disabled_user', 'The local user behind the token is disabled.');
    }
    return user;
  }

  #isActive(user: U): boolean {
    const { userStore } = this.#options;
    if (userStore.isActive === undefined) return true;
    try {
      // Only `true` lets in: SQLite says 0 for false, and a promise says nothing yet.
      return (userStore.isActive(user) as unknown) === true;
    } catch (cause) {
      throw new UserStoreError('The user store could not say whether a user is active.', { cause });
    }
  }
}
