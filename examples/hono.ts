// The same API on Hono.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, endpoints } from 'oidc-resource-server/hono';

export const resourceServer = await createResourceServer();

const app = new Hono();
app.route('/', endpoints(resourceServer)); // GET /jwks, open to everybody

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (c) => c.json(c.var.auth.user));

export const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`Listening on http://localhost:${port}`);
});
