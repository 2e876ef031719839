// The same API on the Fetch API: functions from Request to Response. Here Node serves them.
import { serve } from '@hono/node-server';
import { createResourceServer } from 'oidc-resource-server';
import { endpoints, protect } from 'oidc-resource-server/fetch';

export const resourceServer = await createResourceServer();

const published = endpoints(resourceServer);
const me = protect(resourceServer, { scopes: ['groups'] }, (_request, auth) => Response.json(auth.user));

function fetch(request: Request): Response | Promise<Response> {
  if (new URL(request.url).pathname === '/me') return me(request);
  return published(request) ?? new Response(null, { status: 404 });
}

export const server = serve({ fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`Listening on http://localhost:${port}`);
});
