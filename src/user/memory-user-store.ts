import type { Awaitable } from '../awaitable.ts';
import { InvalidTokenError } from '../errors.ts';
import type { UserProfile, UserStore } from './user-store.ts';

/** A user that {@link MemoryUserStore} holds. Change `active` to lock somebody out from the next request on. */
export interface MemoryUser {
  /** Empty for somebody who waits to be linked, whichever issuer vouches for them. */
  readonly issuer: string;
  /** `undefined` for somebody who waits to be linked by e-mail. */
  readonly subject: string | undefined;
  active: boolean;
  email?: string | undefined;
  name?: string | undefined;
}

/** Holds users in the memory of one process: for tests, demonstrations, and lists that never change. */
export class MemoryUserStore<U extends MemoryUser = MemoryUser> implements UserStore<U> {
  /** By issuer, then by subject: a Map compares both as they are, without making a key of them. */
  readonly #users = new Map<string, Map<string, U>>();
  readonly #unlinked = new Set<U>();
  readonly #writtenAt = new WeakMap<U, number>();

  /** @param users Who is known from the start. */
  constructor(users: Iterable<U> = []) {
    for (const user of users) this.add(user);
  }

  /** Adds a user, or replaces the one with the same issuer and subject. Without a subject, they wait for `linkByVerifiedEmail`. */
  add(user: U): this {
    const { issuer, subject } = user;
    const ofIssuer = this.#users.get(issuer);
    if (subject === undefined) this.#unlinked.add(user);
    else if (ofIssuer === undefined) this.#users.set(issuer, new Map([[subject, user]]));
    else ofIssuer.set(subject, user);
    return this;
  }

  /** Forgets a user: refused from the next request on. */
  delete(issuer: string, subject: string): boolean {
    return this.#users.get(issuer)?.delete(subject) ?? false;
  }

  findBySubject(issuer: string, subject: string): Awaitable<U | undefined> {
    return this.#users.get(issuer)?.get(subject);
  }

  /** Gets or adds the user. One process has one thread, so parallel calls make one user. */
  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, for stores that wait
  async create(issuer: string, subject: string, profile: UserProfile): Promise<U> {
    const known = this.#users.get(issuer)?.get(subject);
    if (known !== undefined) return known;
    const user: MemoryUser = { issuer, subject, active: true, email: profile.email, name: profile.fullName };
    this.add(user as U);
    this.#writtenAt.set(user as U, Date.now());
    return user as U;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, for stores that wait
  async update(user: U, profile: UserProfile): Promise<U> {
    const current = this.#users.get(user.issuer)?.get(user.subject as string);
    if (current === undefined) throw new InvalidTokenError('unknown_user', 'The user has just been deleted.');
    if (profile.email !== undefined) current.email = profile.email;
    if (profile.fullName !== undefined) current.name = profile.fullName;
    this.#writtenAt.set(current, Date.now());
    return current;
  }

  updatedAt(user: U): number {
    return this.#writtenAt.get(user) ?? 0;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, for stores that wait
  async linkByVerifiedEmail(issuer: string, subject: string, email: string): Promise<U | undefined> {
    const [user, second] = [...this.#everybody(), ...this.#unlinked].filter(
      (candidate) => candidate.email === email && email !== '',
    );
    if (user === undefined || second !== undefined) return undefined;
    if (user.issuer === issuer && user.subject === subject) return user;
    if (!this.#unlinked.has(user)) return undefined;
    if ((user.issuer !== '' && user.issuer !== issuer) || this.#users.get(issuer)?.has(subject) === true)
      return undefined;
    this.#unlinked.delete(user);
    this.#writtenAt.set(user, Date.now());
    Object.assign(user, { issuer, subject });
    this.add(user);
    return user;
  }

  isActive(user: U): boolean {
    return user.active;
  }

  #everybody(): U[] {
    return [...this.#users.values()].flatMap((ofIssuer) => [...ofIssuer.values()]);
  }
}
