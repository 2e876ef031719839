// The API of express.ts, called by a web application on another origin.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

export const resourceServer = await createResourceServer();

const app = express();
app.use(resourceServerRouter(resourceServer));

// #region cors
app.use((request, response, next) => {
  response.set({
    'Access-Control-Allow-Origin': 'https://app.example.com',
    'Access-Control-Expose-Headers': 'WWW-Authenticate, Retry-After',
  });
  if (request.method === 'OPTIONS' && request.get('Access-Control-Request-Method') !== undefined) {
    response.set({
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
    });
    response.status(204).end();
    return;
  }
  next();
});

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});
// #endregion cors

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
