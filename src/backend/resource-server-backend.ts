import type { AuthorizationServerClientDependencies } from '../authorization-server/authorization-server-client.ts';
import { UserinfoClient } from '../authorization-server/userinfo.ts';
import { type Awaitable, isThenable } from '../awaitable.ts';
import type { ClaimsCache } from '../cache/claims-cache.ts';
import { type Claims, freezeClaims, ownClaim } from '../claims.ts';
import { InvalidTokenError, isResourceServerError } from '../errors.ts';
import { type AccessToken, referenceOf } from '../secret.ts';
import type { SettingName, Settings } from '../settings.ts';
import type { Logger, Requirements, RevocationTarget } from '../types.ts';
import type { UserStore } from '../user/user-store.ts';
import { checkAudience, checkScopes } from './claim-checks.ts';
import { Deadline } from './deadline.ts';
import { missingEssentialClaims, profileOf } from './user-profile.ts';

/** What every backend is built from. Its members may grow; a factory hands it on whole. */
export interface BackendDependencies<TUser> extends AuthorizationServerClientDependencies {
  readonly userStore: UserStore<TUser>;
  /** Where the claims of tokens are kept between requests; `undefined` where they are not. */
  readonly claimsCache?: ClaimsCache | undefined;
}

/** Marks backend classes, so that a class of another copy of this package is known too. */
export const BACKEND_BRAND: unique symbol = Symbol.for('oidc-resource-server.backend');

/**
 * The base of every backend: it turns an access token into claims, decides on them, and finds the user.
 *
 * Extend one of the shipped backends to map users your way; extend this class to get claims from elsewhere. A subclass
 * needs no decorator and no constructor. A backend never sees HTTP, and keeps nothing about a request on itself: one
 * instance serves all of them at the same time. Write hooks as methods, never as arrow properties.
 *
 * @example A backend that adds people when they first come
 * {@includeCode ../../examples/sub-backend.ts#backend}
 *
 * @typeParam TUser The application's user.
 * @typeParam TClaims The claims that `getClaims` resolves with.
 */
export abstract class ResourceServerBackend<TUser, TClaims extends Claims = Claims> {
  static readonly [BACKEND_BRAND] = true;
  /** The settings without which this backend cannot work; the start reports those that are missing. */
  static readonly requiredSettings: readonly SettingName[] = [];

  /** All settings, frozen; secrets are `Secret`s. */
  protected readonly settings: Settings;
  /** Where the application's users live. */
  protected readonly userStore: UserStore<TUser>;
  /** Where events go. Never log a token. */
  protected readonly logger: Logger;
  readonly #userinfo: UserinfoClient;
  readonly #deadline: Deadline;

  /** @throws TypeError when built without its dependencies, as a container does that does not know the class */
  constructor(dependencies: BackendDependencies<TUser>) {
    if (typeof dependencies !== 'object' || dependencies?.settings === undefined) {
      throw new TypeError(
        `${new.target.name} was built without its dependencies. Register it by registerBackend('${new.target.name}', ` +
          `${new.target.name}), or pass a factory that hands the dependencies on: ` +
          `{ useFactory: (dependencies) => new ${new.target.name}(dependencies) }.`,
      );
    }
    this.settings = dependencies.settings;
    this.#deadline = new Deadline(this.settings.OIDC_TIMEOUT * 1000);
    this.userStore = dependencies.userStore;
    this.logger = dependencies.logger;
    this.#userinfo = new UserinfoClient(dependencies);
  }

  /**
   * Resolves with what is known about a token; the second of the five steps.
   *
   * Override it to ask somebody else. Refuse here what no subclass may let in: dead tokens, expired ones, foreign
   * issuers. It does not decide what a route requires; {@link verifyClaims} does.
   *
   * @param token The access token, as sent.
   * @throws InvalidTokenError when the token is not good
   * @throws AuthorizationServerError when nobody can tell
   */
  abstract getClaims(token: AccessToken): Awaitable<TClaims>;

  /**
   * Forgets what was learnt before now about a token, a subject, a session or a client.
   *
   * Override it where {@link getClaims} keeps something. It does nothing here, since nothing is kept.
   *
   * @throws Error when a shared store could not be told
   */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- overriding hooks use the target
  revoke(target: RevocationTarget): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Decides whether the claims are enough for this API and this route: caller, audience, scopes; the fourth step.
   *
   * Override it to ask for more, and call `super.verifyClaims` to keep these checks. Whether the token is active, its
   * times and its issuer are checked before, and cannot be lost here.
   *
   * @param claims The claims, deeply frozen.
   * @param requirements What the route asks for.
   * @throws InvalidTokenError when the token is not for this API
   * @throws InsufficientScopeError when a scope is missing
   * @see {@link https://www.rfc-editor.org/rfc/rfc9700#section-2.3 | RFC 9700 section 2.3}
   */
  verifyClaims(claims: TClaims, requirements: Requirements): void | Promise<void> {
    checkAudience(claims, this.settings);
    checkScopes(claims, this.settings, requirements);
  }

  /**
   * Finds the local user, or makes one; the fifth step. `undefined` refuses the token.
   *
   * It calls {@link getUser}, then {@link updateUser} for a user who is known and {@link createUser} for one who is not:
   * override one of these rather than this. It runs for persons only: a client's own token never gets here, so
   * `claims.sub` is a usable string. A user whom the store calls inactive is refused after this step.
   *
   * @param claims The claims, deeply frozen.
   * @param token The access token, to ask another API on the user's behalf.
   * @throws UserStoreError when the store fails or takes longer than `OIDC_TIMEOUT`
   */
  getOrCreateUser(claims: TClaims, token: AccessToken): Awaitable<TUser | undefined> {
    const user = this.getUser(claims, token);
    // Who is found at once is let in at once.
    return isThenable(user)
      ? user.then((found) => this.#createOrUpdate(found, claims, token))
      : this.#createOrUpdate(user, claims, token);
  }

  /**
   * Looks the user up by issuer and subject; `undefined` when there is none.
   *
   * Override it where users are kept elsewhere, or nowhere.
   *
   * @throws UserStoreError when the store fails or takes longer than `OIDC_TIMEOUT`
   */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- overriding hooks use the token
  protected getUser(claims: TClaims, token: AccessToken): Awaitable<TUser | undefined> {
    const issuer = this.#issuerOf(claims);
    return this.askUserStore(() => this.userStore.findBySubject(issuer, claims.sub as string, claims));
  }

  /**
   * Makes a user of a person whom the store does not know; `undefined` refuses the token.
   *
   * With `OIDC_RS_FALLBACK_TO_EMAIL` it first links the one user with the same verified e-mail address; with
   * `OIDC_RS_CREATE_USER` it then creates one. With neither it asks nobody. Override it to create users your way.
   *
   * @throws InvalidTokenError when one of `OIDC_USERINFO_ESSENTIAL_CLAIMS` is missing
   * @throws UserStoreError when the store fails or takes longer than `OIDC_TIMEOUT`
   */
  protected async createUser(claims: TClaims, token: AccessToken): Promise<TUser | undefined> {
    const { OIDC_RS_CREATE_USER: create, OIDC_RS_FALLBACK_TO_EMAIL: link } = this.settings;
    if (!create && !link) return undefined;
    const userinfo = await this.getUserinfo(token, claims);
    const missing = missingEssentialClaims(userinfo, this.settings);
    if (missing.length > 0) {
      throw new InvalidTokenError(
        'essential_claims',
        `No user is made without these claims: ${missing.join(', ')}.`,
      );
    }
    const issuer = this.#issuerOf(claims);
    const subject = claims.sub as string;
    const profile = profileOf(userinfo, this.settings);
    const { email } = profile;
    if (link && email !== undefined && ownClaim(userinfo, 'email_verified') === true) {
      const linked = await this.askUserStore(async () =>
        this.userStore.linkByVerifiedEmail?.(issuer, subject, email),
      );
      if (linked !== undefined) {
        this.#log(
          'user.linked',
          subject,
          'A user without a subject was linked by the verified e-mail address.',
        );
        return linked;
      }
    }
    if (!create) return undefined;
    const created = await this.askUserStore(async () => this.userStore.create?.(issuer, subject, profile));
    if (created !== undefined)
      this.#log('user.created', subject, 'A user was created for a person who came for the first time.');
    return created;
  }

  /**
   * Brings a known user up to date; resolves with the user as it then is. Called for every request of a known user.
   *
   * It asks the user endpoint again when `OIDC_RS_USERINFO_MAX_AGE` has passed, and leaves the user as it is while the
   * endpoint cannot be asked. Override it to take over groups or roles from the claims; write only what has changed.
   *
   * @throws UserStoreError when the store fails or takes longer than `OIDC_TIMEOUT`
   */
  protected updateUser(user: TUser, claims: TClaims, token: AccessToken): Awaitable<TUser> {
    return this.settings.OIDC_RS_USERINFO_MAX_AGE === 0 ? user : this.#refreshUser(user, claims, token);
  }

  #createOrUpdate(
    user: TUser | undefined,
    claims: TClaims,
    token: AccessToken,
  ): Awaitable<TUser | undefined> {
    return user === undefined ? this.createUser(claims, token) : this.updateUser(user, claims, token);
  }

  async #refreshUser(user: TUser, claims: TClaims, token: AccessToken): Promise<TUser> {
    const maxAge = this.settings.OIDC_RS_USERINFO_MAX_AGE;
    const { userStore } = this;
    if (userStore.updatedAt === undefined || userStore.update === undefined) return user;
    if (Date.now() - userStore.updatedAt(user) < maxAge * 1000 || isKeyBound(claims)) return user;
    // Who is refused after this step anyway costs no more than somebody unknown.
    if (userStore.isActive !== undefined && !userStore.isActive(user)) return user;
    let userinfo: Claims;
    try {
      userinfo = await this.getUserinfo(token, claims);
    } catch (error) {
      // The token was good a moment ago, and the user is known: neither suffers from what the user endpoint says.
      if (isResourceServerError(error) && error.code !== 'ERR_AS_UNTRUSTED_RESPONSE') return user;
      throw error;
    }
    return this.askUserStore(
      async () => userStore.update?.(user, profileOf(userinfo, this.settings)) ?? user,
    );
  }

  /**
   * Resolves with what is known about the person: the claims, and on top of them what the user endpoint says.
   *
   * Without a user endpoint, and for a token that is bound to a key, which cannot be sent on, it is the claims alone.
   * Override it to ask somebody else.
   *
   * @throws InvalidTokenError when the user endpoint refuses the token
   * @throws AuthorizationServerError when it gives no believable answer
   */
  protected async getUserinfo(token: AccessToken, claims: TClaims): Promise<Claims> {
    const userinfo = isKeyBound(claims) ? undefined : await this.#userinfo.fetch(token, claims);
    if (userinfo === undefined) return claims;
    const { email, email_verified, ...others } = claims;
    // An address and whether it is verified are of one source, or the one would vouch for the address of the other.
    const address = EMAIL_CLAIMS.some((name) => Object.hasOwn(userinfo, name))
      ? {}
      : { email, email_verified };
    return freezeClaims({ ...others, ...address, ...userinfo });
  }

  #issuerOf(claims: TClaims): string {
    return (claims.iss ?? this.settings.OIDC_OP_URL) as string;
  }

  /**
   * Calls a user store as the hooks here do: within `OIDC_TIMEOUT`, and whatever it throws is a UserStoreError (503).
   *
   * Call it from hooks of your own that ask a database.
   *
   * @throws UserStoreError when it fails or takes too long; an error of this package is handed on as it is
   */
  protected askUserStore<T>(ask: () => Awaitable<T>): Awaitable<T> {
    return this.#deadline.within(ask);
  }

  #log(event: string, subject: string, message: string): void {
    this.logger.info({ event, user_ref: referenceOf(subject) }, message);
  }
}

const EMAIL_CLAIMS = ['email', 'email_verified'];

function isKeyBound(claims: Claims): boolean {
  return ownClaim(claims, 'cnf') !== undefined;
}
