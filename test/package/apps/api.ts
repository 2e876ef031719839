// What the tests bundle: an API in the form that bundles to CommonJS as well, which has no await outside of functions.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer, isResourceServerError, type Logger } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';
import './team-backend.ts';

const say = (fields: object, message: string): void => {
  console.log(JSON.stringify({ ...fields, message }));
};
const logger: Logger = { debug: say, info: say, warn: say, error: say };

async function start(): Promise<void> {
  const resourceServer = await createResourceServer({ logger });
  const app = express();
  app.use(resourceServerRouter(resourceServer));
  const member = authenticate(resourceServer, { scopes: ['groups'] });
  app.get('/me', member, (request, response) => {
    response.json(member.of(request).user);
  });
  const server = app.listen(0, '127.0.0.1', () => {
    console.log(`Listening on http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  });
}

start().catch((error: unknown) => {
  console.log(isResourceServerError(error) ? `${error.code} ${error.message}` : 'Not one of ours.');
  process.exitCode = 1;
});
