import type { Awaitable } from './awaitable.ts';
import type { Claims } from './claims.ts';
import type { AuthenticationFor, Requirements, ResourceRequest, ResourceServer } from './types.ts';

/** {@link ResourceServer.authenticate}, without a promise where nothing has to be waited for: it throws or rejects. */
export type AuthenticateAtOnce<U, C extends Claims> = <const R extends Requirements>(
  request: ResourceRequest,
  requirements?: R,
) => Awaitable<AuthenticationFor<U, C, R>>;

// Beside the object, not on it: a copy of it with an `authenticate` of its own must not bring the original's along.
const known = new WeakMap<object, AuthenticateAtOnce<never, never>>();

/** Says how a resource server is asked at once. */
export function registerAtOnce<U, C extends Claims>(
  resourceServer: ResourceServer<U, C>,
  authenticate: AuthenticateAtOnce<U, C>,
): void {
  known.set(resourceServer, authenticate as AuthenticateAtOnce<never, never>);
}

/** How a framework adapter asks a resource server; one that is wrapped, or a double, is asked by its own `authenticate`. */
export function atOnce<U, C extends Claims>(
  resourceServer: Pick<ResourceServer<U, C>, 'authenticate'>,
): AuthenticateAtOnce<U, C> {
  const authenticate = known.get(resourceServer) as AuthenticateAtOnce<U, C> | undefined;
  return authenticate ?? ((request, requirements) => resourceServer.authenticate(request, requirements));
}
