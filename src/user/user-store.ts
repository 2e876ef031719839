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
 * Where local users live. Only `findBySubject` is needed.
 *
 * The shipped backends call `findBySubject` and `isActive`; the others are for backends that create or change users.
 *
 * A person is known by issuer *and* subject: a subject is unique only per issuer. Both are to be compared byte for
 * byte. A store that throws, or takes longer than `OIDC_TIMEOUT`, makes the answer 503; it is never held against the token.
 */
export interface UserStore<U> {
  /** Finds the user of a token; `undefined` refuses it. Called for every request with a person's token. */
  findBySubject(issuer: string, subject: string, claims: Claims): Promise<U | undefined>;
  /** Gets or inserts the user, atomically: parallel calls for one person make one user. */
  create?(issuer: string, subject: string, profile: UserProfile): Promise<U>;
  /** Writes what has changed. The subject is not among it. */
  update?(user: U, profile: UserProfile): Promise<U>;
  /** Ties the one user with this verified e-mail address, and no subject yet, to the subject. */
  linkByVerifiedEmail?(issuer: string, subject: string, email: string): Promise<U | undefined>;
  /** Whether the user may come in. Called for every request, whatever the backend's hooks did. Default: yes. */
  isActive?(user: U): boolean;
}
