import fastify, { type FastifyInstance } from 'fastify';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerPlugin } from 'oidc-resource-server/fastify';
import type { StartApplication } from './framework-contract.ts';

/** What an application does with errors of its own handlers is its own; this one says nothing. */
const silent = {
  errorHandler: (_error: unknown, _request: unknown, reply: Answering) => reply.code(500).send(),
};
interface Answering {
  code(status: number): { send(): unknown };
}

/** The application of the framework contract, on Fastify with its own error handler. */
export function fastifyApplication(
  resourceServer: ResourceServer<ClaimsUser>,
  app: FastifyInstance = fastify(),
): FastifyInstance {
  // Fastify itself answers methods that it does not know by 404.
  app.addHttpMethod('PROPFIND', { hasBody: true });
  app.register(resourceServerPlugin, { resourceServer });

  const member = authenticate(resourceServer, { scopes: ['groups'] });
  app.get('/me', { onRequest: member }, (request) => ({ subject: member.of(request).user.subject }));
  const visitor = authenticate(resourceServer, { optional: true });
  app.get('/optional', { onRequest: visitor }, (request) => ({
    subject: visitor.of(request)?.user.subject ?? null,
  }));
  const caller = authenticate(resourceServer, { clients: true });
  app.get('/client', { onRequest: caller }, (request) => {
    const { client, user } = caller.of(request);
    return { client: client ?? null, subject: user?.subject ?? null };
  });
  const anybody = authenticate(resourceServer);
  app.all('/all', { onRequest: anybody }, (request) => ({ subject: anybody.of(request).user.subject }));
  app.get('/cached', { onRequest: anybody }, (_request, reply) =>
    reply.header('cache-control', 'max-age=60').send({}),
  );
  app.get('/throws', { onRequest: anybody, ...silent }, () => {
    throw new Error('s3cr3t');
  });
  app.get('/rejects', { onRequest: anybody, ...silent }, () => Promise.reject(new Error('s3cr3t')));
  app.register(
    (scope, _options, done) => {
      scope.addHook('onRequest', anybody);
      // OPTIONS, because Fastify runs no hook of a scope where no route of it matches.
      scope.route({
        method: ['GET', 'OPTIONS'],
        url: '/inside',
        handler: (request) => ({ subject: anybody.of(request).user.subject }),
      });
      done();
    },
    { prefix: '/api' },
  );
  return app;
}

/** Starts it. */
export const startFastify: StartApplication = async (resourceServer) => {
  const app = fastifyApplication(resourceServer);
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return { origin, close: () => app.close() };
};
