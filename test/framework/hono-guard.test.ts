// Without a server: the one of @hono/node-server replaces the global Request and Response by its own.
import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { LinearRouter } from 'hono/router/linear-router';
import { PatternRouter } from 'hono/router/pattern-router';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { TrieRouter } from 'hono/router/trie-router';
import {
  type Authentication,
  type ClaimsUser,
  type Endpoint,
  InsufficientScopeError,
  isResourceServerError,
  type UserAuthentication,
} from 'oidc-resource-server';
import { authenticate, endpoints } from 'oidc-resource-server/hono';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { tokenTableResourceServer } from '../support/token-table.ts';

const resourceServer = await tokenTableResourceServer();
const guard = authenticate(resourceServer);
const alice = { headers: { authorization: 'Bearer alice-token' } };
const subject = (c: Context): Response => c.json({ subject: guard.of(c).user.subject });

describe('c.var.auth', () => {
  it('has the type that the requirements promise, and is what of() returns', async () => {
    const app = new Hono();
    const member = authenticate(resourceServer, { scopes: ['groups'] });
    const anyone = authenticate(resourceServer, { clients: true, optional: true });
    app.get('/member', member, (c) => {
      expectTypeOf(c.var.auth).toEqualTypeOf<UserAuthentication<ClaimsUser>>();
      expectTypeOf(member.of(c)).toEqualTypeOf<UserAuthentication<ClaimsUser>>();
      return c.json([c.var.auth === member.of(c), c.var.auth.user.subject]);
    });
    app.get('/anyone', anyone, (c) => {
      expectTypeOf(c.var.auth).toEqualTypeOf<Authentication<ClaimsUser> | undefined>();
      return c.json([anyone.of(c) === undefined, 'auth' in c.var]);
    });
    // @ts-expect-error -- a requirement that there is not
    authenticate(resourceServer, { scope: ['groups'] });
    expect(await (await app.request('/member', alice)).json()).toEqual([true, 'alice']);
    expect(await (await app.request('/anyone')).json()).toEqual([true, true]);
  });

  it('is typed behind a guard for all routes, and beside variables of the application', () => {
    new Hono<{ Variables: { team: string } }>().use(guard).get('/', (c) => {
      expectTypeOf(c.var.auth).toEqualTypeOf<UserAuthentication<ClaimsUser>>();
      expectTypeOf(c.var.team).toEqualTypeOf<string>();
      return c.body(null);
    });
  });

  it('of() refuses a request that this very guard has not let in', async () => {
    const other = authenticate(resourceServer);
    const app = new Hono().get('/', other, subject);
    let problem: unknown;
    app.onError((error, c) => {
      problem = error;
      return c.body(null, 500);
    });
    expect((await app.request('/', alice)).status).toBe(500);
    expect(problem).toBeInstanceOf(TypeError);
  });
});

describe('a refusal', () => {
  it('is an HTTPException that onError sees, whose cause is the error, and which says nothing itself', async () => {
    const app = new Hono().get('/', guard, subject);
    const seen: Error[] = [];
    app.onError((error, c) => {
      seen.push(error);
      return error instanceof HTTPException ? error.getResponse() : c.body(null, 500);
    });
    const response = await app.request('/', { headers: { authorization: 'Bearer dead-token' } });
    const { status, headers, body } = resourceServer.challenge(seen[0]?.cause);
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(status).toBe(401);
    for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toBe(value);
    expect(isResourceServerError(seen[0]?.cause) && seen[0].cause.code).toBe('ERR_INVALID_TOKEN');
    expect(seen[0]?.message).toBe('');
  });

  it('for an error that nobody foresaw does not hand it to onError: it may hold a secret (R9, E1)', async () => {
    const app = new Hono().get('/', guard, subject);
    let seen: Error | undefined;
    app.onError((error, c) => {
      seen = error;
      return c.body(null, 500);
    });
    await app.request('/', { headers: { authorization: 'Bearer bug-token' } });
    expect(seen).toBeInstanceOf(HTTPException);
    expect((seen as HTTPException).status).toBe(500);
    expect(seen?.cause).toBeUndefined();
  });

  it.each([
    [
      'c.header()',
      (c: Context) => {
        c.header('cache-control', 'public, max-age=60');
      },
    ],
    [
      'c.res',
      (c: Context) => {
        c.res.headers.set('cache-control', 'public, max-age=60');
      },
    ],
  ] as const)(
    'is not stored, whatever was set before it by %s, and keeps the CORS headers',
    async (_way, set) => {
      const app = new Hono();
      app.use(cors({ origin: 'https://app.example.com' }), async (c, next) => {
        set(c);
        await next();
      });
      app.get('/', guard, subject);
      const response = await app.request('/', { headers: { origin: 'https://app.example.com' } });
      expect(response.status).toBe(401);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    },
  );

  it('by a handler is the business of onError', async () => {
    const app = new Hono().get('/', guard, () => {
      throw new InsufficientScopeError(['admin']);
    });
    app.onError((error) => {
      const { status, headers, body } = resourceServer.challenge(error);
      return new Response(body, { status, headers: headers as Record<string, string> });
    });
    const response = await app.request('/', alice);
    expect(response.status).toBe(403);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('an answer', () => {
  it('is private, also where its headers cannot be changed', async () => {
    const app = new Hono().use(guard);
    app.get('/moved', () => Response.redirect('https://elsewhere.example.com/', 307));
    app.get('/proxied', () => fetch('data:text/plain,from%20upstream'));
    app.get('/set', (c) => c.body(null, 200, { 'cache-control': 'max-age=60' }));
    const caching = async (path: string): Promise<[number, string | null]> => {
      const response = await app.request(path, alice);
      return [response.status, response.headers.get('cache-control')];
    };
    expect(await caching('/moved')).toEqual([307, 'private']);
    expect(await caching('/proxied')).toEqual([200, 'private']);
    expect(await caching('/set')).toEqual([200, 'max-age=60']);
    expect(await caching('/nothing')).toEqual([404, 'private']);
  });
});

describe('a guard for all routes', () => {
  it('guards what is registered after it, and what does not exist; not what stands before it (R10)', async () => {
    const app = new Hono();
    app.get('/before', (c) => c.text('open'));
    app.route('/', endpoints(resourceServer));
    app.use(guard);
    app.get('/after', subject);
    expect((await app.request('/before')).status).toBe(200);
    expect((await app.request('/jwks')).status).toBe(200);
    expect((await app.request('/after')).status).toBe(401);
    expect((await app.request('/after', alice)).status).toBe(200);
    expect((await app.request('/nothing')).status).toBe(401);
    expect((await app.request('/after', { method: 'DELETE' })).status).toBe(401);
  });

  it.each([
    ['RegExpRouter', RegExpRouter],
    ['TrieRouter', TrieRouter],
    ['LinearRouter', LinearRouter],
    ['PatternRouter', PatternRouter],
  ])(
    'on a prefix guards every spelling that reaches a route below it, with %s (R8)',
    async (_name, Router) => {
      for (const strict of [true, false]) {
        const app = new Hono({ router: new Router(), strict });
        app.use('/api/*', guard);
        app.all('/api', (c) => c.text('let in'));
        app.all('/api/me', (c) => c.text('let in'));
        app.all('/api/teams/:name', (c) => c.text('let in'));
        app.route(
          '/api/nested',
          new Hono().all('/inside', (c) => c.text('let in')),
        );
        const paths = [
          '/api',
          '/api/',
          '/api/me',
          '/api/me/',
          '/api//me',
          '//api/me',
          '/API/me',
          '/api/me;x=1',
          '/api;x/me',
          '/%61pi/me',
          '/api%2Fme',
          '/api/%6De',
          '/api/%256De',
          '/%2561pi/me',
          '/api/me%2F',
          '/api/me%00',
          '/api\\me',
          '/x/../api/me',
          '/x/%2e%2e/api/me',
          '/api/./me',
          '/./api/me',
          '/api/teams/a%2Fb',
          '/api/teams/%FF',
          '/%FF/../api/me',
          '/api/nested/inside',
          '/api/nested//inside',
          '/api/nested/%69nside',
          '/api/me?',
          '/api/me#x',
          '/api%3F/me',
          '/%E0%A4%A/api/me',
        ];
        const served: string[] = [];
        for (const path of paths) {
          const url = `https://api.example.com${path}`;
          const response = await app.request(url);
          expect([401, 404], path).toContain(response.status);
          expect(await response.text(), path).not.toContain('let in');
          if ((await app.request(url, alice)).status === 200) served.push(path);
        }
        // Otherwise the test would show nothing.
        expect(served).toEqual(
          expect.arrayContaining(['/api/me', '/%61pi/me', '/api/%6De', '/x/../api/me', '/api/teams/a%2Fb']),
        );
      }
    },
  );
});

describe('endpoints()', () => {
  it('stand below the path where they are mounted', async () => {
    const app = new Hono().route('/api', endpoints(resourceServer));
    expect(await (await app.request('/api/jwks')).json()).toEqual({ keys: [] });
    expect((await app.request('/jwks')).status).toBe(404);
  });

  it('answer 500 without detail where one fails, and wait for one that takes its time', async () => {
    const failing: Endpoint = { path: '/fails', respond: () => Promise.reject(new Error('s3cr3t')) };
    const slow: Endpoint = {
      path: '/slow',
      respond: () => Promise.resolve({ status: 203, headers: {}, body: 'there' }),
    };
    const app = endpoints({ ...resourceServer, endpoints: [failing, slow] });
    const response = await app.request('/fails');
    expect(response.status).toBe(500);
    expect(await response.text()).toBe(resourceServer.challenge(undefined).body);
    expect(await (await app.request('/slow')).text()).toBe('there');
  });
});
