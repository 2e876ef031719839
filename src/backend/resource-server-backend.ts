import { type Claims, ownClaim } from '../claims.ts';
import { isResourceServerError, UserStoreError } from '../errors.ts';
import type { AuthorizationServerClientDependencies } from '../authorization-server/authorization-server-client.ts';
import type { AccessToken } from '../secret.ts';
import type { SettingName, Settings } from '../settings.ts';
import type { Logger, Requirements } from '../types.ts';
import type { UserStore } from '../user/user-store.ts';
import { checkAudience, checkScopes } from './claim-checks.ts';

/** What every backend is built from. Its members may grow; a factory hands it on whole. */
export interface BackendDependencies<TUser> extends AuthorizationServerClientDependencies {
  readonly userStore: UserStore<TUser>;
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
    this.userStore = dependencies.userStore;
    this.logger = dependencies.logger;
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
  abstract getClaims(token: AccessToken): Promise<TClaims>;

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
   * Override it to create users or to look them up elsewhere. It runs for persons only: a client's own token never
   * gets here, so `claims.sub` is a usable string. A user whom the store calls inactive is refused after this step.
   *
   * @param claims The claims, deeply frozen.
   * @param token The access token, to ask another API on the user's behalf.
   * @throws UserStoreError when the store fails or takes longer than `OIDC_TIMEOUT`
   */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- overriding hooks use the token
  async getOrCreateUser(claims: TClaims, token: AccessToken): Promise<TUser | undefined> {
    const issuer = (ownClaim(claims, 'iss') ?? this.settings.OIDC_OP_URL) as string;
    return this.#withinDeadline(() => this.userStore.findBySubject(issuer, claims.sub as string, claims));
  }

  async #withinDeadline<T>(ask: () => Promise<T>): Promise<T> {
    const ms = this.settings.OIDC_TIMEOUT * 1000;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${ms} ms`));
      }, ms);
    });
    try {
      return await Promise.race([ask(), deadline]);
    } catch (cause) {
      if (isResourceServerError(cause)) throw cause;
      const message =
        'The user store failed or took longer than OIDC_TIMEOUT; its own error is the cause of this one.';
      throw new UserStoreError(message, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}
