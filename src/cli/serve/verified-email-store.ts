import type { Awaitable } from '../../awaitable.ts';
import { ownClaim } from '../../claims.ts';
import type { KyselyUserStore } from '../../user/kysely-user-store.ts';
import type { UserProfile, UserStore } from '../../user/user-store.ts';

type Row = Awaited<ReturnType<KyselyUserStore['create']>>;

/**
 * Keeps e-mail addresses out of the table that the authorization server does not call verified: the API behind the proxy
 * is told the address of the table, and may take it for a proof.
 */
export class VerifiedEmailStore implements UserStore<Row> {
  readonly #store: KyselyUserStore;

  constructor(store: KyselyUserStore) {
    this.#store = store;
  }

  findBySubject(issuer: string, subject: string): Awaitable<Row | undefined> {
    return this.#store.findBySubject(issuer, subject);
  }

  create(issuer: string, subject: string, profile: UserProfile): Promise<Row> {
    return this.#store.create(issuer, subject, withVerifiedEmail(profile));
  }

  update(user: Row, profile: UserProfile): Promise<Row> {
    return this.#store.update(user, withVerifiedEmail(profile));
  }

  updatedAt(user: Row): number {
    return this.#store.updatedAt(user);
  }

  linkByVerifiedEmail(issuer: string, subject: string, email: string): Promise<Row | undefined> {
    return this.#store.linkByVerifiedEmail(issuer, subject, email);
  }

  isActive(user: Row): boolean {
    return this.#store.isActive(user);
  }
}

function withVerifiedEmail(profile: UserProfile): UserProfile {
  if (ownClaim(profile.claims, 'email_verified') === true) return profile;
  const { fullName, shortName, claims } = profile;
  return {
    ...(fullName !== undefined && { fullName }),
    ...(shortName !== undefined && { shortName }),
    claims,
  };
}
