import type { Awaitable } from '../awaitable.ts';
import type { Claims } from '../claims.ts';

/** What is known about a person, for stores that keep it. */
export interface UserProfile {
  readonly email?: string;
  readonly fullName?: string;
  readonly shortName?: string;
  /** Everything the authorization server said. */
  readonly claims: Claims;
}

/**
 * Where local users live. Only `findBySubject` is needed; what a setting asks for beside it is checked at the start.
 *
 * A person is known by issuer *and* subject: a subject is unique only per issuer. Both are compared byte for byte, and
 * the subject of a user never changes. A store that throws, or takes longer than `OIDC_TIMEOUT`, makes the answer 503;
 * it is never held against the token. Throw an `InvalidTokenError` to refuse on purpose.
 *
 * @example A store on TypeORM
 * {@includeCode ../../examples/guides/typeorm-user-store.ts#store}
 */
export interface UserStore<U> {
  /**
   * Finds the user of a token, by a promise or, where users are in memory, at once; `undefined` refuses it. Called for every
   * request with a person's token.
   */
  findBySubject(issuer: string, subject: string, claims: Claims): Awaitable<U | undefined>;
  /**
   * Gets or inserts the user, atomically: parallel calls for one person make one user, and all resolve with it. A user
   * who is there already, even a disabled one, is returned as is. Needed by `OIDC_RS_CREATE_USER`.
   */
  create?(issuer: string, subject: string, profile: UserProfile): Promise<U>;
  /**
   * Writes what has changed, and that the user was seen to now; resolves with the user as it then is. The subject is
   * not among it. Needed by `OIDC_RS_USERINFO_MAX_AGE`.
   */
  update?(user: U, profile: UserProfile): Promise<U>;
  /** When `create` or `update` last wrote the user, in ms since the epoch. Needed by `OIDC_RS_USERINFO_MAX_AGE`. */
  updatedAt?(user: U): number;
  /**
   * Ties the one user with this e-mail address, and without a subject yet, to the subject, by one conditional write;
   * `undefined` where there is none or several. The caller has made sure that the address is verified. Needed by
   * `OIDC_RS_FALLBACK_TO_EMAIL`.
   */
  linkByVerifiedEmail?(issuer: string, subject: string, email: string): Promise<U | undefined>;
  /** Whether the user may come in: only `true` lets in. Called for every request, whatever the backend's hooks did. Default: yes. */
  isActive?(user: U): boolean;
}
