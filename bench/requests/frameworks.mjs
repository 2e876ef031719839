// One route, `GET /me`, in each framework, behind a guard or without one.
import { createServer } from 'node:http';

/** Longer than any waits for its turn. */
const KEEP_ALIVE_MS = 600_000;

/**
 * Each starts a server on a free port of the loopback address and resolves with its `node:http` server. A contestant says
 * with `isNative` that its guard has the shape of this very framework, and with `register` what else it needs there.
 */
export const FRAMEWORKS = {
  async express({ guard, userOf }) {
    const { default: express } = await import('express');
    const app = express();
    const handler = (request, response) => {
      response.json({ name: userOf(request).name });
    };
    app.get('/me', ...(guard === undefined ? [] : [guard].flat()), handler);
    return listening(createServer(app));
  },

  async fastify({ guard, userOf, isNative, register }) {
    const { default: fastify } = await import('fastify');
    const app = fastify({ keepAliveTimeout: KEEP_ALIVE_MS });
    await register?.(app);
    const handler = (request, reply) => {
      reply.send({ name: userOf(isNative ? request : request.raw).name });
    };
    // Guards of Connect's shape get Node's own objects.
    const onRequest = isNative ? guard : (request, reply, done) => guard(request.raw, reply.raw, done);
    app.get('/me', guard === undefined ? {} : { onRequest }, handler);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },

  node({ guard, userOf }) {
    const handler = (request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name: userOf(request).name }));
    };
    const next = (request, response, error) => {
      if (error === undefined || error === null) return handler(request, response);
      response.statusCode = 500;
      response.end();
    };
    return listening(
      createServer((request, response) => {
        if (request.url !== '/me') {
          response.statusCode = 404;
          response.end();
        } else if (guard === undefined) handler(request, response);
        else guard(request, response, (error) => next(request, response, error));
      }),
    );
  },
};

function listening(server) {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
