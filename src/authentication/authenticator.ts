import { type Awaitable, isThenable } from '../awaitable.ts';
import type { ResourceServerBackend } from '../backend/resource-server-backend.ts';
import { callerAudience, type Claims, clientOf, freezeClaims, scopesOf } from '../claims.ts';
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

/** One request on its way, and what is known of it so far: a refusal says so in the log. */
interface Attempt<C extends Claims> {
  readonly request: ResourceRequest;
  readonly requirements: Requirements;
  token: AccessToken | undefined;
  claims: C | undefined;
}

/** Owns the order of the five steps: token, claims, possession, decision, user. Nothing else does. */
export class Authenticator<U, C extends Claims> {
  readonly #options: AuthenticatorOptions<U, C>;
  readonly #schemes: readonly TokenScheme[];

  constructor(options: AuthenticatorOptions<U, C>) {
    this.#options = options;
    this.#schemes = ['Bearer', ...options.constraints.flatMap(({ scheme }) => scheme ?? [])];
  }

  /**
   * Says who makes the request; `undefined` only where credentials are optional and there are none. Without a promise, so
   * that it may throw as well as reject, where nothing has to be waited for: what is known in memory is decided on at once.
   */
  authenticate(
    request: ResourceRequest,
    requirements: Requirements = NOTHING_REQUIRED,
  ): Awaitable<Authentication<U, C> | undefined> {
    const attempt: Attempt<C> = { request, requirements, token: undefined, claims: undefined };
    try {
      const token = extractAccessToken(request, this.#schemes);
      if (token === undefined) {
        if (requirements.optional) return undefined;
        throw new NoCredentialsError();
      }
      attempt.token = token;
      const claims = this.#options.backend.getClaims(token);
      if (isThenable(claims)) return this.#whenKnown(attempt, token, claims);
      const authentication = this.#possession(attempt, token, freezeClaims(claims));
      if (!isThenable(authentication)) return authentication;
      return authentication.catch((error: unknown) => this.#refuse(error, attempt));
    } catch (error) {
      return this.#refuse(error, attempt);
    }
  }

  async #whenKnown(
    attempt: Attempt<C>,
    token: AccessToken,
    claims: Promise<C>,
  ): Promise<Authentication<U, C>> {
    try {
      const authentication = this.#possession(attempt, token, freezeClaims(await claims));
      return isThenable(authentication) ? await authentication : authentication;
    } catch (error) {
      return this.#refuse(error, attempt);
    }
  }

  #refuse(error: unknown, { token, claims }: Attempt<C>): never {
    logRefusal(this.#options.logger, error, token, claims);
    throw error;
  }

  #possession(attempt: Attempt<C>, token: AccessToken, claims: C): Awaitable<Authentication<U, C>> {
    attempt.claims = claims;
    const possession = verifyPossession(this.#options.constraints, attempt.request, token, claims);
    return possession === undefined
      ? this.#decision(attempt, token, claims)
      : possession.then(() => this.#decision(attempt, token, claims));
  }

  #decision(attempt: Attempt<C>, token: AccessToken, claims: C): Awaitable<Authentication<U, C>> {
    const decision: Awaitable<unknown> = this.#options.backend.verifyClaims(claims, attempt.requirements);
    return isThenable(decision)
      ? Promise.resolve(decision).then((said) => this.#user(attempt, token, claims, said))
      : this.#user(attempt, token, claims, decision);
  }

  #user(
    { requirements }: Attempt<C>,
    token: AccessToken,
    claims: C,
    decision: unknown,
  ): Awaitable<Authentication<U, C>> {
    // In Django it returns whether the claims are good; a hook that says no in that way must not let in.
    if (decision === false) throw new InvalidTokenError('claims', SAID_NO);
    const { settings, backend } = this.#options;
    // Who it is cannot be lost by a subclass either: what a route is handed is typed by it.
    const { OIDC_RS_AUDIENCE_CLAIM, OIDC_RS_ALLOWED_AUDIENCES } = settings;
    const audience = callerAudience(claims, OIDC_RS_AUDIENCE_CLAIM, OIDC_RS_ALLOWED_AUDIENCES);
    const client = clientOf(claims);
    if (client !== undefined) {
      if (!requirements.clients) throw new InvalidTokenError('client', CLIENT_ALONE);
      return Object.freeze({ user: undefined, client, claims, token, audience, scopes: scopesOf(claims) });
    }
    const found = backend.getOrCreateUser(claims, token);
    return isThenable(found)
      ? Promise.resolve(found).then((user) => this.#person(user, token, claims, audience))
      : this.#person(found, token, claims, audience);
  }

  #person(
    found: U | undefined | null,
    token: AccessToken,
    claims: C,
    audience: string,
  ): Authentication<U, C> {
    const user = this.#usable(found);
    return Object.freeze({ user, client: undefined, claims, token, audience, scopes: scopesOf(claims) });
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
