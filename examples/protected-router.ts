// A router that denies by default, a route for robots, and a page that greets whoever is known.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, protectedRouter, resourceServerRouter } from 'oidc-resource-server/express';

export const resourceServer = await createResourceServer();

const app = express();
app.use(resourceServerRouter(resourceServer));

// #region routes
const visitor = authenticate(resourceServer, { optional: true });
app.get('/', visitor, (request, response) => {
  const auth = visitor.of(request);
  response.send(auth === undefined ? 'Hello, stranger' : `Hello, ${auth.user.subject}`);
});

const api = protectedRouter(resourceServer, { scopes: ['groups'] });
api.get('/me', (request, response) => {
  response.json(api.of(request).user);
});
app.use('/api', api);

const caller = authenticate(resourceServer, { clients: true });
app.get('/status', caller, (request, response) => {
  const auth = caller.of(request);
  response.json(auth.client === undefined ? { person: auth.user.subject } : { robot: auth.client });
});
// #endregion routes

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
