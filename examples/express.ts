// An Express API that people may call. Settings come from the environment; every example differs from this one only in
// what it teaches.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

export const resourceServer = await createResourceServer();

const app = express();
app.use(resourceServerRouter(resourceServer)); // GET /jwks, open to everybody

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
