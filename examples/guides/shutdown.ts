// The API of express.ts as a service: it says that it lives, and ends in an orderly way.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

export const resourceServer = await createResourceServer();

const app = express();
app.use(resourceServerRouter(resourceServer));

// #region health
app.get('/health', (_request, response) => {
  response.json({ status: 'ok' }); // this process answers; nobody else is asked
});
// #endregion health

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});

// #region shutdown
function shutDown(): void {
  // No new connections; requests in flight finish. Then nothing is left to wait for, and the process ends by itself.
  server.close(() => void resourceServer.close());
  // Who is not done by then is cut off: Docker kills after 10 seconds, Kubernetes after 30.
  setTimeout(() => {
    server.closeAllConnections();
  }, 8_000).unref();
}
process.once('SIGTERM', shutDown);
process.once('SIGINT', shutDown);
// #endregion shutdown
