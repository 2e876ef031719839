/**
 * The adapter for Express 4 and 5.
 *
 * @module oidc-resource-server/express
 */
import type { IncomingMessage } from 'node:http';
import { type IRouter, Router, type RouterOptions } from 'express';
import type { Claims } from '../claims.ts';
import type { AuthenticationFor, NoRequirements, Requirements, ResourceServer } from '../types.ts';
import { authenticate, endpoints, type Guard } from './node.ts';

export { authenticate, type Guard, type Next } from './node.ts';

/** A router whose every route is guarded; `of` returns who makes the request. */
export type ProtectedRouter<A> = IRouter & Pick<Guard<A>, 'of'>;

/**
 * Makes a router with what the resource server publishes: `GET /jwks`. Mount it unguarded, where the authorization
 * server has been told to look: `app.use(resourceServerRouter(resourceServer))`.
 */
export function resourceServerRouter(
  resourceServer: Pick<ResourceServer<unknown>, 'endpoints' | 'challenge'>,
): IRouter {
  return Router().use(endpoints(resourceServer));
}

/**
 * Makes a router that denies by default: a route added to it is guarded, whether anybody thought of it or not.
 *
 * Every request that reaches the router is asked for a token, also where no route of it matches.
 *
 * @example
 * {@includeCode ../../examples/protected-router.ts#routes}
 *
 * @param requirements What every route asks for, on top of the settings.
 * @param options Express's own options for a router.
 */
export function protectedRouter<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: ResourceServer<U, C>,
  requirements?: R,
  options?: RouterOptions,
): ProtectedRouter<AuthenticationFor<U, C, R>> {
  const guard = authenticate(resourceServer, requirements);
  return Object.assign(Router(options).use(guard), { of: (request: IncomingMessage) => guard.of(request) });
}
