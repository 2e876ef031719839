import { ResourceServerBackend } from '../../backend/resource-server-backend.ts';
import type { Claims } from '../../claims.ts';
import type { AccessToken } from '../../secret.ts';
import type { UserStore } from '../../user/user-store.ts';

type Backend = ResourceServerBackend<unknown>;
type Hook = 'getOrCreateUser' | 'createUser' | 'updateUser';

/**
 * Which hook of a backend's class is its own, of those that may write. It is not called: nobody knows what it writes.
 */
export function ownHook(backend: Backend, known: boolean): Hook | undefined {
  const { prototype } = backend.constructor as unknown as { prototype: Record<Hook, unknown> };
  const standard = ResourceServerBackend.prototype as unknown as Record<Hook, unknown>;
  const hooks: Hook[] = ['getOrCreateUser', known ? 'updateUser' : 'createUser'];
  return hooks.find((hook) => prototype[hook] !== standard[hook]);
}

/** What `getOrCreateUser` does, as far as it is known to write nothing but by the user store, which only looks up here. */
export async function lookUpUser(backend: Backend, claims: Claims, token: AccessToken): Promise<unknown> {
  const user = await backend['getUser'](claims, token);
  if (ownHook(backend, user !== undefined) !== undefined) return user;
  return user === undefined
    ? backend['createUser'](claims, token)
    : backend['updateUser'](user, claims, token);
}

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

  findBySubject(issuer: string, subject: string, claims: Claims): unknown {
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
