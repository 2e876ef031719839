import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import Router from '@koa/router';
import Koa from 'koa';
import { type Answer, type ClaimsUser, NoCredentialsError, type ResourceServer } from 'oidc-resource-server';
import { authenticate, endpoints } from 'oidc-resource-server/koa';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { frameworkContract } from './framework-contract.ts';
import { startKoa } from './koa-contract.ts';

const ALICE = ['Authorization: Bearer alice-token'];
const PREFLIGHT = ['Origin: https://app.example.com', 'Access-Control-Request-Method: GET'];
// With `koa` resolved to another version of Koa, the name of its package.
const expected = process.env.KOA_UNDER_TEST ?? 'koa';

async function withServer<T>(app: Koa, use: (origin: string) => Promise<T>): Promise<T> {
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    return await use(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function ask(app: Koa, line: string, headers: readonly string[] = []): Promise<RawAnswer> {
  return withServer(app, (origin) => rawRequest(origin, line, headers));
}

describe(expected, () => {
  frameworkContract({ describe, it }, startKoa);

  let resourceServer: ResourceServer<ClaimsUser>;
  beforeAll(async () => {
    resourceServer = await tokenTableResourceServer();
  });

  it('is the version that it says', () => {
    const { version } = createRequire(import.meta.url)(`${expected}/package.json`) as { version: string };
    expect(version).toMatch(expected === 'koa' ? /^3\./ : /^2\./);
    // Koa 2 turns generators into middleware, Koa 3 takes functions as they are.

    const generator = function* (): Generator {};
    const [middleware] = new Koa().use(generator).middleware;
    expect((middleware as unknown) === generator).toBe(expected === 'koa');
  });

  describe('a refusal', () => {
    it('has the status, headers and body of challenge(), byte for byte', async () => {
      const app = new Koa();
      app.use(async (ctx, next) => {
        ctx.type = 'html';
        ctx.body = 'in advance';
        await next();
      });
      app.use(authenticate(resourceServer));
      const answer = await ask(app, 'GET /');
      const { status, headers, body } = resourceServer.challenge(new NoCredentialsError());
      expect([answer.status, answer.body]).toEqual([status, body]);
      for (const name of Object.keys(headers)) expect(answer.headers.get(name)).toEqual([headers[name]]);
      expect(answer.headers.get('content-length')).toEqual([String(body.length)]);
    });

    it('is no error of the application, and what comes below keeps its own errors (R9)', async () => {
      const heard: unknown[] = [];
      const caught: unknown[] = [];
      const app = new Koa();
      app.on('error', (error) => heard.push(error));
      app.use(async (_ctx, next) => {
        try {
          await next();
        } catch (error) {
          caught.push(error);
          throw error;
        }
      });
      app.use(authenticate(resourceServer));
      app.use((ctx) => ctx.throw(418, 'a pot'));
      await withServer(app, async (origin) => {
        for (const token of ['dead-token', 'down-token', 'bug-token', 'robot-token']) {
          await rawRequest(origin, 'GET /', [`Authorization: Bearer ${token}`]);
        }
        expect([heard, caught]).toEqual([[], []]);
        const answer = await rawRequest(origin, 'GET /', ALICE);
        expect([answer.status, answer.body]).toEqual([418, 'a pot']);
      });
      expect(caught).toMatchObject([{ status: 418 }]);
      expect(heard).toEqual(caught);
    });

    it('reaches the caller with Connection: close and Retry-After (X1)', async () => {
      const own = await tokenTableResourceServer();
      const app = new Koa();
      app.use(authenticate(own));
      const agent = new Agent({ keepAlive: true });
      await withServer(app, async (origin) => {
        const headersOf = (): Promise<IncomingHttpHeaders> =>
          new Promise((resolve, reject) => {
            const headers = { authorization: 'Bearer down-token' };
            get(origin, { agent, headers }, (response) => {
              response.resume().on('end', () => {
                resolve(response.headers);
              });
            }).on('error', reject);
          });
        try {
          expect(await headersOf()).toMatchObject({ 'retry-after': '7', connection: 'keep-alive' });
          await own.close();
          expect(await headersOf()).toMatchObject({ connection: 'close' });
        } finally {
          agent.destroy();
        }
      });
    });
  });

  describe('a guard', () => {
    it('of the application guards every path and every method below it (R10)', async () => {
      const app = new Koa();
      app.use(authenticate(resourceServer));
      const router = new Router();
      router.get('/inside', (ctx) => {
        ctx.body = 'served';
      });
      app.use(router.routes());
      app.use(router.allowedMethods());
      const lines = [
        'GET /inside',
        'HEAD /inside',
        'OPTIONS /inside',
        'POST /inside',
        'PROPFIND /x',
        'GET /y',
      ];
      await withServer(app, async (origin) => {
        for (const line of lines) expect((await rawRequest(origin, line)).status, line).toBe(401);
        expect((await rawRequest(origin, 'GET /inside', ALICE)).body).toBe('served');
        expect((await rawRequest(origin, 'GET /y', ALICE)).status).toBe(404);
      });
    });

    it('that router.use() lets @koa/router pass by: of() refuses, and ctx.state.auth is not there (R8)', async () => {
      const guard = authenticate(resourceServer);
      const app = new Koa();
      app.silent = true;
      const api = new Router();
      const seen: unknown[] = [];
      api.get('/early', (ctx) => {
        seen.push(ctx.state.auth);
        ctx.body = guard.of(ctx).user;
      });
      api.use(guard);
      api.get('/inside', (ctx) => {
        seen.push(ctx.state.auth);
        ctx.body = guard.of(ctx).user;
      });
      const router = new Router();
      router.use('/api', api.routes());
      app.use(router.routes());
      await withServer(app, async (origin) => {
        const statuses: number[] = [];
        for (const path of ['/api/inside', '/API/inside', '/api/early']) {
          statuses.push((await rawRequest(origin, `GET ${path}`)).status);
        }
        expect(statuses).toEqual([401, 500, 500]);
      });
      expect(seen).toEqual([undefined, undefined]);
    });

    it('answers a preflight itself (R7)', async () => {
      const app = new Koa();
      let served = false;
      app.use(authenticate(resourceServer));
      app.use(() => {
        served = true;
      });
      const answer = await ask(app, 'OPTIONS /', PREFLIGHT);
      expect([answer.status, answer.body, served]).toEqual([204, '', false]);
    });

    it('makes what is served private, unless something says otherwise', async () => {
      const caching = async (serve: Koa.Middleware, above?: string): Promise<unknown> => {
        const app = new Koa();
        app.use((ctx, next) => {
          if (above !== undefined) ctx.set('Cache-Control', above);
          return next();
        });
        app.use(authenticate(resourceServer)).use(serve);
        const answer = await ask(app, 'GET /', ALICE);
        expect([answer.status, answer.body]).toEqual([200, 'served']);
        return answer.headers.get('cache-control');
      };
      const text: Koa.Middleware = (ctx) => {
        ctx.body = 'served';
      };
      const stream: Koa.Middleware = (ctx) => {
        ctx.body = Readable.from(['ser', 'ved']);
      };
      expect(await caching(text)).toEqual(['private']);
      expect(await caching(stream)).toEqual(['private']);
      expect(await caching(text, 'no-cache')).toEqual(['no-cache']);
      const own: Koa.Middleware = (ctx) => {
        ctx.set('Cache-Control', 'max-age=60');
        ctx.body = Readable.from(['ser', 'ved']);
      };
      expect(await caching(own)).toEqual(['max-age=60']);
    });

    it('puts who makes the request into the state, frozen, and nowhere before (R11)', async () => {
      const first = authenticate(resourceServer);
      const second = authenticate(resourceServer, { scopes: ['groups'] });
      const seen: unknown[] = [];
      const app = new Koa();
      app.use((ctx, next) => {
        seen.push(ctx.state.auth);
        expect(() => first.of(ctx)).toThrow(TypeError);
        return next();
      });
      app.use(first);
      app.use((ctx, next) => {
        expect(() => second.of(ctx)).toThrow(TypeError);
        return next();
      });
      app.use(second);
      app.use((ctx) => {
        seen.push(ctx.state.auth === second.of(ctx), Object.isFrozen(ctx.state.auth));
        seen.push(first.of(ctx) === second.of(ctx));
        ctx.body = '';
      });
      expect((await ask(app, 'GET /', ALICE)).status).toBe(200);
      expect(seen).toEqual([undefined, true, true, false]);
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
      const app = new Koa();
      app.use((ctx, next) => {
        ctx.url = '/cut';
        return next();
      });
      app.use(authenticate(watching));
      expect((await ask(app, 'GET /v1/cut?access_token=alice-token', ALICE)).status).toBe(400);
      expect(asked).toEqual(['/v1/cut?access_token=alice-token']);
    });
  });

  describe('the endpoints', () => {
    it('answer in their own words, without a type or a length that Koa makes up (P3)', async () => {
      const app = new Koa();
      app.use(endpoints(resourceServer));
      await withServer(app, async (origin) => {
        const answer = await rawRequest(origin, 'GET /jwks?v=1');
        expect(answer.headers.get('content-type')).toEqual(['application/jwk-set+json']);
        const head = await rawRequest(origin, 'HEAD /jwks');
        expect(head.headers.get('content-type')).toEqual(['application/jwk-set+json']);
        expect(head.headers.get('content-length')).toBeUndefined();
        const refused = await rawRequest(origin, 'POST /jwks');
        expect([refused.status, refused.headers.get('allow')]).toEqual([405, ['GET, HEAD']]);
        expect([refused.body, refused.headers.get('content-type')]).toEqual(['', undefined]);
      });
    });

    it('let other paths go on, and take the path that a mount leaves them', async () => {
      const app = new Koa();
      app.use((ctx, next) => {
        ctx.path = ctx.path.replace('/v1', '');
        return next();
      });
      app.use(endpoints(resourceServer));
      app.use((ctx) => {
        ctx.body = 'below';
      });
      await withServer(app, async (origin) => {
        expect((await rawRequest(origin, 'GET /v1/jwks')).body).toBe('{"keys":[]}');
        for (const path of ['/', '/jwks/', '/jwksx', '/JWKS']) {
          expect((await rawRequest(origin, `GET ${path}`)).body).toBe('below');
        }
      });
    });

    it('may take their time', async () => {
      const respond = async (): Promise<Answer> => {
        await new Promise((resolve) => setImmediate(resolve));
        return { status: 200, headers: { vary: ['a', 'b'] }, body: 'later' };
      };
      const app = new Koa();
      app.use(endpoints({ ...resourceServer, endpoints: [{ path: '/late', respond }] }));
      const answer = await ask(app, 'GET /late');
      expect([answer.body, answer.headers.get('vary')]).toEqual(['later', ['a', 'b']]);
    });

    it('answer 500 without detail where one fails (R9)', async () => {
      const respond = (): Promise<never> => Promise.reject(new Error('s3cr3t'));
      const app = new Koa();
      app.use(endpoints({ ...resourceServer, endpoints: [{ path: '/broken', respond }] }));
      const answer = await ask(app, 'GET /broken');
      expect(answer.headers.get('content-type')).toEqual(['application/problem+json']);
      expect(JSON.parse(answer.body)).toMatchObject({ status: 500, error: 'server_error' });
    });
  });
});
