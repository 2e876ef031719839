import type { AddressInfo } from 'node:net';
import express from 'express';
import { authenticate, protectedRouter, resourceServerRouter } from 'oidc-resource-server/express';
import type { StartApplication } from './framework-contract.ts';

/** The application of the framework contract, on whichever Express `express` resolves to. */
export const startExpress: StartApplication = async (resourceServer) => {
  const app = express();
  app.use(resourceServerRouter(resourceServer));

  const member = authenticate(resourceServer, { scopes: ['groups'] });
  app.get('/me', member, (request, response) => {
    response.json({ subject: member.of(request).user.subject });
  });
  const visitor = authenticate(resourceServer, { optional: true });
  app.get('/optional', visitor, (request, response) => {
    response.json({ subject: visitor.of(request)?.user.subject ?? null });
  });
  const caller = authenticate(resourceServer, { clients: true });
  app.get('/client', caller, (request, response) => {
    const { client, user } = caller.of(request);
    response.json({ client: client ?? null, subject: user?.subject ?? null });
  });
  const anybody = authenticate(resourceServer);
  app.all('/all', anybody, (request, response) => {
    response.json({ subject: anybody.of(request).user.subject });
  });
  app.get('/cached', anybody, (_request, response) => {
    response.set('Cache-Control', 'max-age=60').json({});
  });
  app.get('/throws', anybody, () => {
    throw new Error('s3cr3t');
  });
  app.get('/rejects', anybody, (_request, _response, next) => {
    Promise.reject(new Error('s3cr3t')).catch(next);
  });
  const api = protectedRouter(resourceServer);
  api.get('/inside', (request, response) => {
    response.json({ subject: api.of(request).user.subject });
  });
  app.use('/api', api);
  // What an application does with errors of its own handlers is its own; this one says nothing.
  app.use(
    (_error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
      response.status(500).end();
    },
  );

  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      ),
  };
};
