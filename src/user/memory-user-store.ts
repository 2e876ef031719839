import type { UserProfile, UserStore } from './user-store.ts';

/** A user that {@link MemoryUserStore} holds. Change `active` to lock somebody out from the next request on. */
export interface MemoryUser {
  readonly issuer: string;
  readonly subject: string;
  active: boolean;
  email?: string | undefined;
  name?: string | undefined;
}

/** Holds users in the memory of one process: for tests, demonstrations, and lists that never change. */
export class MemoryUserStore<U extends MemoryUser = MemoryUser> implements UserStore<U> {
  readonly #users = new Map<string, U>();

  /** @param users Who is known from the start. */
  constructor(users: Iterable<U> = []) {
    for (const user of users) this.add(user);
  }

  /** Adds a user, or replaces the one with the same issuer and subject. */
  add(user: U): this {
    this.#users.set(key(user.issuer, user.subject), user);
    return this;
  }

  /** Forgets a user: refused from the next request on. */
  delete(issuer: string, subject: string): boolean {
    return this.#users.delete(key(issuer, subject));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, for stores that wait
  async findBySubject(issuer: string, subject: string): Promise<U | undefined> {
    return this.#users.get(key(issuer, subject));
  }

  /** Gets or adds the user. One process has one thread, so parallel calls make one user. */
  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, for stores that wait
  async create(issuer: string, subject: string, profile: UserProfile): Promise<U> {
    const known = this.#users.get(key(issuer, subject));
    if (known !== undefined) return known;
    const user: MemoryUser = { issuer, subject, active: true, email: profile.email, name: profile.fullName };
    this.add(user as U);
    return user as U;
  }

  isActive(user: U): boolean {
    return user.active;
  }
}

// The length in front keeps (issuer, subject) pairs apart whatever characters they are made of.
function key(issuer: string, subject: string): string {
  return `${issuer.length}:${issuer}${subject}`;
}
