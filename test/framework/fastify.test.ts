import { connect } from 'node:http2';
import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { type Answer, type ClaimsUser, NoCredentialsError, type ResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerPlugin } from 'oidc-resource-server/fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { tokenTableAtOnce, tokenTableResourceServer } from '../support/token-table.ts';
import { fastifyApplication, startFastify } from './fastify-contract.ts';
import { frameworkContract } from './framework-contract.ts';

const UNAUTHENTICATED =
  '{"type":"about:blank","title":"Unauthorized","status":401,"error":"unauthenticated"}';

// From the start: Fastify warns once.
const WARNINGS: NodeJS.ErrnoException[] = [];
process.on('warning', (warning) => WARNINGS.push(warning));

function as(token: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } };
}

function auth(request: object, name = 'auth'): unknown {
  return (request as Record<string, unknown>)[name];
}

describe('Fastify', () => {
  frameworkContract({ describe, it }, startFastify);

  describe('with a token and a user that are known at once', () => {
    frameworkContract({ describe, it }, startFastify, { resourceServer: tokenTableAtOnce });
  });

  let resourceServer: ResourceServer<ClaimsUser>;
  beforeAll(async () => {
    resourceServer = await tokenTableResourceServer();
  });

  /** An application with `/me` behind a guard, and no plugin. */
  function guarded(app: FastifyInstance = fastify()): FastifyInstance {
    const guard = authenticate(resourceServer);
    app.get('/me', { onRequest: guard }, (request) => ({ subject: guard.of(request).user.subject }));
    return app;
  }

  describe('a refusal', () => {
    it('has the status, headers and body of challenge(), byte for byte', async () => {
      const answer = await guarded().inject('/me');
      const expected = resourceServer.challenge(new NoCredentialsError());
      expect(answer.statusCode).toBe(expected.status);
      expect(answer.headers).toMatchObject(expected.headers);
      expect(answer.headers['content-length']).toBe(String(expected.body.length));
      expect(answer.body).toBe(expected.body);
    });

    it('is changed by no schema, serializer or hook for payloads', async () => {
      const app = fastify();
      app.setSerializerCompiler(() => () => '"the serializer compiler"');
      app.setReplySerializer(() => '"the reply serializer"');
      app.addHook('preSerialization', () => Promise.resolve({ wrapped: true }));
      const message = { type: 'object', properties: { message: { type: 'string' } } };
      const schema = { response: { '4xx': message, 401: message, default: message } };
      app.get('/me', { onRequest: authenticate(resourceServer), schema }, () => ({}));
      const answer = await app.inject('/me');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.body).toBe(UNAUTHENTICATED);
      expect((await app.inject({ url: '/me', ...as('alice-token') })).body).toBe('"the reply serializer"');
    });

    it('comes from the last guard, whatever the first has set', async () => {
      const app = fastify();
      const onRequest = [authenticate(resourceServer), authenticate(resourceServer, { scopes: ['groups'] })];
      app.get('/me', { onRequest }, () => ({}));
      const answer = await app.inject({ url: '/me', ...as('no-scope-token') });
      expect(answer.statusCode).toBe(403);
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    it('is a problem even where an earlier hook has set the content type', async () => {
      for (const type of ['text/html', 'application/problem+json']) {
        const app = fastify();
        app.addHook('onRequest', async (_request, reply) => {
          await Promise.resolve();
          reply.type(type).code(202);
        });
        const seen: unknown[] = [];
        app.addHook('onError', (_request, _reply, error, done) => {
          seen.push(error);
          done();
        });
        const answer = await guarded(app).inject('/me');
        expect([answer.statusCode, answer.headers['content-type']]).toEqual([
          401,
          'application/problem+json',
        ]);
        expect(answer.body).toBe(UNAUTHENTICATED);
        expect(seen).toHaveLength(1);
      }
    });

    it('reaches the caller with Connection: close and Retry-After (X1)', async () => {
      const own = await tokenTableResourceServer();
      const app = fastify();
      app.get('/me', { onRequest: authenticate(own) }, () => ({}));
      const origin = await app.listen({ port: 0, host: '127.0.0.1' });
      const agent = new Agent({ keepAlive: true });
      const ask = (): Promise<IncomingHttpHeaders> =>
        new Promise((resolve, reject) => {
          get(`${origin}/me`, { agent, ...as('down-token') }, (response) => {
            response.resume().on('end', () => {
              resolve(response.headers);
            });
          }).on('error', reject);
        });
      try {
        expect(await ask()).toMatchObject({ 'retry-after': '7', connection: 'keep-alive' });
        await own.close();
        expect(await ask()).toMatchObject({ connection: 'close' });
      } finally {
        agent.destroy();
        await app.close();
      }
    });

    it('shows nothing of an error of a hook, not even to the log (E1)', async () => {
      let log = '';
      const stream = { write: (line: string) => (log += line) };
      const app = guarded(fastify({ logger: { level: 'trace', stream } }));
      const seen: Error[] = [];
      app.addHook('onError', (_request, _reply, error, done) => {
        seen.push(error);
        done();
      });
      const answer = await app.inject({ url: '/me', ...as('bug-token') });
      expect(answer.json()).toMatchObject({ status: 500, error: 'server_error' });
      expect(answer.body + log + JSON.stringify(seen)).not.toMatch(/s3cr3t|bug-token/);
      expect(log).toContain('"msg":"Internal Server Error"');
      expect(seen[0]).toMatchObject({ statusCode: 500, message: 'Internal Server Error' });
      expect(seen[0]?.cause).toBeUndefined();
    });
  });

  describe('an error handler of the application', () => {
    it('sees an Error, and need not think of the challenge', async () => {
      const app = guarded();
      let seen: unknown;
      app.setErrorHandler((error, _request, reply) => {
        seen = error;
        return reply.send({ mine: (error as FastifyError).code });
      });
      const answer = await app.inject({ url: '/me', ...as('dead-token') });
      expect(seen).toBeInstanceOf(Error);
      expect(seen).toMatchObject({
        statusCode: 401,
        code: 'ERR_INVALID_TOKEN',
        name: 'InvalidTokenError',
        message: 'Unauthorized',
        headers: { 'cache-control': 'no-store', 'content-type': 'application/problem+json' },
      });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.json()).toEqual({ mine: 'ERR_INVALID_TOKEN' });
    });

    it('may send a problem of its own', async () => {
      const app = guarded();
      app.setErrorHandler((_error, _request, reply) =>
        reply.type('application/problem+json').send({ type: 'https://api.example.com/problems/mine' }),
      );
      const answer = await app.inject('/me');
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toEqual({ type: 'https://api.example.com/problems/mine' });
    });

    it.each(['sends it on', 'throws it again', 'rejects with it'])(
      'that %s gets the problem, by way of every handler above',
      async (way) => {
        const app = fastify();
        const seen: string[] = [];
        app.setErrorHandler((error, _request, reply) => {
          seen.push('outer');
          reply.send(error);
        });
        app.register((scope, _options, done) => {
          scope.setErrorHandler((error, _request, reply) => {
            seen.push('inner');
            if (way === 'throws it again') throw error as Error;
            if (way === 'rejects with it') return Promise.reject(error);
            reply.send(error);
            return undefined;
          });
          guarded(scope);
          done();
        });
        const answer = await app.inject('/me');
        expect(seen).toEqual(['inner', 'outer']);
        expect(answer.headers['content-type']).toBe('application/problem+json');
        expect(answer.body).toBe(UNAUTHENTICATED);
      },
    );

    it('of one route sees it too, and can send the problem with its headers', async () => {
      const app = fastify();
      const errorHandler = (error: FastifyError, _request: unknown, reply: Replying): unknown =>
        reply.headers((error as FastifyError & { headers: object }).headers).send(error);
      app.get('/me', { onRequest: authenticate(resourceServer), errorHandler }, () => ({}));
      const answer = await app.inject('/me');
      expect(answer.body).toBe(UNAUTHENTICATED);
    });
    interface Replying {
      headers(headers: object): { send(payload: unknown): unknown };
    }
  });

  describe('a guard', () => {
    it('works without the plugin, and refuses of() for what it has not let in', async () => {
      const app = guarded();
      const other = authenticate(resourceServer);
      app.get('/other', { onRequest: authenticate(resourceServer) }, (request) => {
        expect(auth(request)).toBeUndefined();
        expect(() => other.of(request)).toThrow(TypeError);
        return {};
      });
      expect((await app.inject({ url: '/me', ...as('alice-token') })).json()).toEqual({ subject: 'alice' });
      expect((await app.inject({ url: '/other', ...as('alice-token') })).statusCode).toBe(200);
    });

    it('of a scope guards the scopes in it, and none beside it (R10)', async () => {
      const app = fastify();
      const handler = (): object => ({ served: true });
      app.register((scope, _options, done) => {
        scope.get('/early', handler);
        scope.addHook('onRequest', authenticate(resourceServer));
        scope.get('/inside', handler);
        scope.register((child, _childOptions, childDone) => {
          child.get('/child', handler);
          childDone();
        });
        done();
      });
      app.register((scope, _options, done) => {
        scope.get('/sibling', handler);
        done();
      });
      const statuses = await Promise.all(
        ['/early', '/inside', '/child', '/sibling'].map(async (url) => (await app.inject(url)).statusCode),
      );
      expect(statuses).toEqual([401, 401, 401, 200]);
    });

    it('answers a preflight itself, also where a hook delays the answer (R7)', async () => {
      const app = fastify();
      let served = false;
      app.addHook('onSend', async () => {
        await new Promise((resolve) => setImmediate(resolve));
      });
      app.all('/all', { onRequest: authenticate(resourceServer) }, () => {
        served = true;
        return {};
      });
      const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'GET' };
      const answer = await app.inject({ method: 'OPTIONS', url: '/all', headers });
      expect([answer.statusCode, answer.body, served]).toEqual([204, '', false]);
    });

    it('looks at the URL that was sent, not at a rewritten one (R4)', async () => {
      const asked: string[] = [];
      const watching: ResourceServer<ClaimsUser> = {
        ...resourceServer,
        authenticate: (request, requirements) => {
          asked.push(request.url);
          return resourceServer.authenticate(request, requirements);
        },
      };
      const app = fastify({ rewriteUrl: () => '/me' });
      app.get('/me', { onRequest: authenticate(watching) }, () => ({}));
      const answer = await app.inject({ url: '/v1/me?access_token=alice-token', ...as('alice-token') });
      expect(answer.statusCode).toBe(400);
      expect(asked).toEqual(['/v1/me?access_token=alice-token']);
    });

    it('takes the place of no Cache-Control that is there already', async () => {
      const app = fastify();
      app.addHook('onRequest', (_request, reply, done) => {
        reply.header('cache-control', 'no-cache');
        done();
      });
      const answer = await guarded(app).inject({ url: '/me', ...as('alice-token') });
      expect(answer.headers['cache-control']).toBe('no-cache');
    });

    it('works over HTTP/2, which knows no Connection header', async () => {
      const own = await tokenTableResourceServer();
      const app = fastify({ http2: true });
      const guard = authenticate(own);
      app.get('/me', { onRequest: guard }, (request) => ({ subject: guard.of(request).user.subject }));
      await app.listen({ port: 0, host: '127.0.0.1' });
      const client = connect(`http://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`);
      const ask = async (): Promise<[unknown, string]> => {
        const stream = client.request({ ':path': '/me', authorization: 'Bearer alice-token' });
        let status: unknown;
        stream.on('response', (headers) => (status = headers[':status']));
        let body = '';
        for await (const chunk of stream) body += String(chunk);
        return [status, body];
      };
      try {
        expect(await ask()).toEqual([200, '{"subject":"alice"}']);
        await own.close();
        expect((await ask())[0]).toBe(503);
      } finally {
        client.close();
        await app.close();
      }
    });

    it('may follow another: each knows its own, and the request the last', async () => {
      const app = fastify();
      app.register(resourceServerPlugin, { resourceServer });
      const first = authenticate(resourceServer);
      const second = authenticate(resourceServer, { scopes: ['groups'] });
      let same: unknown;
      app.get('/me', { onRequest: [first, second] }, (request) => {
        same = [first.of(request) === second.of(request), auth(request) === second.of(request)];
        return {};
      });
      await app.inject({ url: '/me', ...as('alice-token') });
      expect(same).toEqual([false, true]);
    });

    it('fits routes with types of their own', async () => {
      const app = fastify();
      const guard = authenticate(resourceServer);
      app.get<{ Params: { id: string }; Reply: { 200: { id: string } } }>(
        '/:id',
        { onRequest: guard },
        (request, reply) => {
          const subject: string = guard.of(request).user.subject;
          void reply.code(200).send({ id: `${subject} ${request.params.id}` });
        },
      );
      const answer = await app.inject({ url: '/1', ...as('alice-token') });
      expect(answer.json()).toEqual({ id: 'alice 1' });
    });
  });

  describe('the plugin', () => {
    it('gives a guarded request its auth, and no other (R11)', async () => {
      const app = fastify();
      app.register(resourceServerPlugin, { resourceServer });
      const guard = authenticate(resourceServer);
      const seen: unknown[] = [];
      app.get('/me', { onRequest: guard }, (request) => {
        seen.push(request.auth === guard.of(request), Object.isFrozen(request.auth));
        expect(() => Object.assign(request, { auth: 'somebody else' })).toThrow(TypeError);
        return {};
      });
      app.get('/open', (request) => {
        seen.push('auth' in request, request.auth);
        return {};
      });
      await app.inject({ url: '/me', ...as('alice-token') });
      await app.inject({ url: '/open', ...as('alice-token') });
      expect(seen).toEqual([true, true, true, undefined]);
    });

    it('keeps the callers of two resource servers apart, under two names (R11)', async () => {
      const other = await tokenTableResourceServer();
      const app = fastify();
      app.register(resourceServerPlugin, { resourceServer });
      app.register(resourceServerPlugin, { resourceServer: other, decoratorName: 'partner', prefix: '/b' });
      let seen: unknown;
      app.get('/me', { onRequest: authenticate(other, { clients: true }) }, (request) => {
        seen = [auth(request), (auth(request, 'partner') as { client: string }).client];
        return {};
      });
      await app.inject({ url: '/me', ...as('robot-token') });
      expect(seen).toEqual([undefined, 'robot']);
      expect((await app.inject('/jwks')).statusCode).toBe(200);
      expect((await app.inject('/b/jwks')).statusCode).toBe(200);
    });

    it('stays in its scope, and takes its prefix', async () => {
      const app = fastify();
      app.register(
        (scope, _options, done) => {
          scope.register(resourceServerPlugin, { resourceServer, prefix: '/keys' });
          guarded(scope);
          done();
        },
        { prefix: '/v1' },
      );
      const seen: boolean[] = [];
      app.get('/open', (request) => {
        seen.push('auth' in request);
        return {};
      });
      expect((await app.inject('/v1/keys/jwks')).statusCode).toBe(200);
      expect((await app.inject('/jwks')).statusCode).toBe(404);
      await app.inject('/open');
      expect(seen).toEqual([false]);
    });

    it('may be registered after the routes, and in an asynchronous plugin', async () => {
      const app = fastify();
      const guard = authenticate(resourceServer);
      let seen: unknown;
      app.get('/me', { onRequest: guard }, (request) => {
        seen = request.auth === guard.of(request);
        return {};
      });
      await app.register(
        async (scope) => {
          await new Promise((resolve) => setImmediate(resolve));
          guarded(
            scope.register((inner, _options, done) => {
              done();
            }),
          );
          await Promise.resolve();
        },
        { prefix: '/late' },
      );
      await app.register(resourceServerPlugin, { resourceServer });
      await app.inject({ url: '/me', ...as('alice-token') });
      expect(seen).toBe(true);
      expect((await app.inject('/late/me')).statusCode).toBe(401);
    });

    it('publishes for GET and HEAD, also without the HEAD routes of Fastify', async () => {
      const app = fastify({ exposeHeadRoutes: false });
      app.register(resourceServerPlugin, { resourceServer });
      const answer = await app.inject('/jwks');
      expect(answer.headers['content-type']).toBe('application/jwk-set+json');
      const head = await app.inject({ method: 'HEAD', url: '/jwks' });
      expect(head.statusCode).toBe(200);
      expect(head.headers['content-type']).toBe('application/jwk-set+json');
      expect(head.headers).not.toHaveProperty('content-length');
      const fresh = { 'if-none-match': String(answer.headers.etag) };
      expect((await app.inject({ url: '/jwks', headers: fresh })).statusCode).toBe(304);
    });

    it.each([
      ['POST', 'text/xml', '<a/>'],
      ['PUT', 'application/json', '{'],
      ['DELETE', undefined, undefined],
      ['OPTIONS', undefined, undefined],
    ] as const)('answers %s with 405, whatever the body (P3)', async (method, type, payload) => {
      const app = fastify();
      app.register(resourceServerPlugin, { resourceServer });
      const headers = type === undefined ? {} : { 'content-type': type };
      const answer = await app.inject({ method, url: '/jwks', headers, ...(payload && { payload }) });
      expect([answer.statusCode, answer.headers.allow, answer.body]).toEqual([405, 'GET, HEAD', '']);
    });

    it('waits for an endpoint that takes its time', async () => {
      const respond = async (): Promise<Answer> => {
        await new Promise((resolve) => setImmediate(resolve));
        return { status: 200, headers: { vary: ['a', 'b'] }, body: 'later' };
      };
      const slow = { ...resourceServer, endpoints: [{ path: '/late', respond }] };
      const app = fastify();
      app.register(resourceServerPlugin, { resourceServer: slow });
      const answer = await app.inject('/late');
      expect([answer.body, answer.headers.vary]).toEqual(['later', ['a', 'b']]);
    });

    it('answers 500 without detail where an endpoint fails (R9)', async () => {
      const respond = (): Promise<never> => Promise.reject(new Error('s3cr3t'));
      const failing = { ...resourceServer, endpoints: [{ path: '/broken', respond }] };
      const app = fastify();
      app.register(resourceServerPlugin, { resourceServer: failing });
      const answer = await app.inject('/broken');
      expect(answer.statusCode).toBe(500);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.json()).toMatchObject({ error: 'server_error' });
    });

    it('is guarded itself by a hook of its own scope', async () => {
      const app = fastify();
      app.addHook('onRequest', authenticate(resourceServer));
      app.register(resourceServerPlugin, { resourceServer });
      expect((await app.inject('/jwks')).statusCode).toBe(401);
    });

    it('refuses a name that is taken, at the start', async () => {
      const app = fastify();
      app.decorateRequest('caller', undefined);
      app.register(resourceServerPlugin, { resourceServer, decoratorName: 'caller' });
      await expect(app.ready()).rejects.toMatchObject({ code: 'FST_ERR_DEC_ALREADY_PRESENT' });
    });
  });

  it('uses nothing that Fastify warns about', async () => {
    await fastifyApplication(resourceServer).inject({ url: '/me', ...as('alice-token') });
    await new Promise((resolve) => setImmediate(resolve));
    expect(WARNINGS.filter(({ code }) => code?.startsWith('FST'))).toEqual([]);
  });
});
