// The same API on this package. Settings come from the environment.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/express';

export const resourceServer = await createResourceServer();

const app = express();

app.get('/public', (_request, response) => {
  response.json({ open: true });
});

// #region routes
const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  const { subject } = member.of(request).user;
  response.json({ subject });
});

app.post('/notes', member, express.urlencoded(), (request, response) => {
  const { subject } = member.of(request).user;
  response.status(201).json({ subject });
});

const visitor = authenticate(resourceServer, { optional: true });
app.get('/greeting', visitor, (request, response) => {
  const user = visitor.of(request)?.user;
  response.json({ user: user ? { subject: user.subject } : null });
});
// #endregion routes

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
