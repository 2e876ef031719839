import type { Claims } from '../../claims.ts';
import type { UserStore } from '../../user/user-store.ts';

/** Stands for the user who would be made. */
const NEW_USER = Object.freeze({});

/** Looks users up in another store and writes nothing. It keeps what would have been written. */
export class LookingUserStore implements UserStore<unknown> {
  /** Whether a user would be created. */
  created = false;
  /** The address by which a user would be looked for, to be linked. */
  linkedBy: string | undefined;
  readonly #store: UserStore<unknown>;

  constructor(store: UserStore<unknown>) {
    this.#store = store;
  }

  findBySubject(issuer: string, subject: string, claims: Claims): Promise<unknown> {
    return this.#store.findBySubject(issuer, subject, claims);
  }

  create(): Promise<unknown> {
    this.created = true;
    return Promise.resolve(NEW_USER);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous
  async update(user: unknown): Promise<unknown> {
    return user;
  }

  updatedAt(user: unknown): number {
    return this.#store.updatedAt?.(user) ?? Date.now();
  }

  linkByVerifiedEmail(_issuer: string, _subject: string, email: string): Promise<undefined> {
    this.linkedBy = email;
    return Promise.resolve(undefined);
  }

  isActive(user: unknown): boolean {
    return user === NEW_USER || this.#store.isActive === undefined || this.#store.isActive(user);
  }
}
