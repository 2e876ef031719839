// The same API on Fastify.
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerPlugin } from 'oidc-resource-server/fastify';

export const resourceServer = await createResourceServer();

const app = fastify();
app.register(resourceServerPlugin, { resourceServer }); // GET /jwks, open to everybody

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', { onRequest: member }, (request) => member.of(request).user);

// Every route of this scope is guarded, whether anybody thought of it or not.
app.register((scope, _options, done) => {
  scope.addHook('onRequest', member);
  scope.get('/groups', (request) => member.of(request).scopes);
  done();
});

await app.listen({ port: Number(process.env.PORT ?? 3000) });
export const { server } = app;
console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
