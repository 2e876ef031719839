import { ResourceServerBackend } from '../../backend/resource-server-backend.ts';
import type { Claims } from '../../claims.ts';
import type { AccessToken } from '../../secret.ts';

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
