// What a route of a Fetch framework takes of this package, where the resource server itself is made elsewhere.
import type { ResourceServer } from 'oidc-resource-server';
import { protect } from 'oidc-resource-server/fetch';

export function routeOf(resourceServer: ResourceServer<unknown>): unknown {
  return protect(resourceServer, {}, (_request, auth) => Response.json(auth.user));
}
