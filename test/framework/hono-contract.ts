import { Hono } from 'hono';
import { authenticate, endpoints } from 'oidc-resource-server/hono';
import { serveFetch } from './fetch-contract.ts';
import type { StartApplication } from './framework-contract.ts';

/** The application of the framework contract, on Hono. */
export const startHono: StartApplication = (resourceServer) => {
  const app = new Hono();
  app.route('/', endpoints(resourceServer));

  const member = authenticate(resourceServer, { scopes: ['groups'] });
  app.get('/me', member, (c) => c.json({ subject: c.var.auth.user.subject }));
  const visitor = authenticate(resourceServer, { optional: true });
  app.get('/optional', visitor, (c) => c.json({ subject: c.var.auth?.user.subject ?? null }));
  const caller = authenticate(resourceServer, { clients: true });
  app.get('/client', caller, (c) => {
    const { client, user } = c.var.auth;
    return c.json({ client: client ?? null, subject: user?.subject ?? null });
  });
  const anybody = authenticate(resourceServer);
  app.all('/all', anybody, (c) => c.json({ subject: c.var.auth.user.subject }));
  app.get('/cached', anybody, (c) => c.json({}, 200, { 'Cache-Control': 'max-age=60' }));
  app.get('/throws', anybody, () => {
    throw new Error('s3cr3t');
  });
  app.get('/rejects', anybody, () => Promise.reject(new Error('s3cr3t')));
  const api = new Hono().use(anybody).get('/inside', (c) => c.json({ subject: anybody.of(c).user.subject }));
  app.route('/api', api);
  return serveFetch(app.fetch);
};
