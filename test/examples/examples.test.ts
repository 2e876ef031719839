import { mkdtempSync, readdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { AppRouter } from '../../examples/trpc.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { startExample, typeStrippingNode } from '../support/example-process.ts';

// As Node resolves it. Vite takes the other build of the package, whose errors the servers do not know as theirs.
vi.mock('graphql', (): object => createRequire(import.meta.url)('graphql') as object);

type Ask = (path: string, who?: string, scopes?: string[]) => Promise<[status: number, body: unknown]>;

let server: TestAuthorizationServer;
beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.stop());

interface Example {
  readonly settings?: Record<string, string>;
  /** Makes what the example finds when it starts, and returns further settings. */
  prepare?(): Promise<Record<string, string>>;
  show(ask: Ask, origin: string): Promise<void>;
}

/** The table that Django makes, as a team has it, with Alice in it. */
async function prepareDjangoTable(): Promise<Record<string, string>> {
  const pool = new pg.Pool({ connectionString: process.env.POSTGRES_URL });
  await pool.query('drop table if exists core_user');
  await pool.query(`create table core_user (
    id uuid primary key, password varchar(128) not null, sub varchar(255) unique, email varchar(254),
    full_name varchar(100), short_name varchar(20), language varchar(10) not null, is_active boolean not null,
    created_at timestamptz not null, updated_at timestamptz not null)`);
  await pool.query(`insert into core_user values (gen_random_uuid(), '!', 'alice', 'alice@example.org', 'Alice', 'A',
    'fr-fr', true, now(), now()), (gen_random_uuid(), '!', 'carol', null, null, null, 'fr-fr', false, now(), now())`);
  await pool.end();
  return { DATABASE_URL: process.env.POSTGRES_URL ?? '' };
}

/** The header with a new token, or nothing for nobody. */
async function bearer(who: string | undefined, scopes: string[]): Promise<Record<string, string>> {
  if (who === undefined) return {};
  return { authorization: `Bearer ${(await server.tokensFor(who, { scopes })).accessToken}` };
}

/** What the example of every framework shows: `/me` for people whose token has the scope `groups`, and `/jwks`. */
async function showMe(ask: Ask): Promise<void> {
  expect(await ask('/me', 'alice')).toMatchObject([200, { subject: 'alice' }]);
  expect((await ask('/me'))[0]).toBe(401);
  expect((await ask('/me', 'alice', ['openid']))[0]).toBe(403);
  expect(await ask('/jwks')).toEqual([200, { keys: [] }]);
}

/** What each example has to show, against the real authorization server. */
const EXAMPLES: Record<string, Example> = {
  'express.ts': { show: showMe },
  'fastify.ts': { show: showMe },
  'koa.ts': { show: showMe },
  'hono.ts': { show: showMe },
  'fetch.ts': { show: showMe },
  'node.ts': {
    show: async (ask) => {
      expect(await ask('/me', 'alice')).toMatchObject([200, { subject: 'alice' }]);
      expect((await ask('/me'))[0]).toBe(401);
      expect((await ask('/elsewhere'))[0]).toBe(404);
      expect(await ask('/jwks')).toEqual([200, { keys: [] }]);
    },
  },
  'graphql-yoga.ts': {
    show: async (ask) => {
      const path = '/graphql?query={me{subject,email}}';
      expect(await ask(path, 'alice')).toEqual([200, { data: { me: { subject: 'alice', email: null } } }]);
      expect(await ask(path)).toMatchObject([401, { errors: [{ extensions: { code: 'unauthenticated' } }] }]);
      expect((await ask(path, 'alice', ['openid']))[0]).toBe(403);
      expect(await ask('/jwks')).toEqual([200, { keys: [] }]);
    },
  },
  'graphql-apollo.ts': {
    show: async (ask, origin) => {
      const post = async (query: string, who?: string, scopes = ['groups']): Promise<unknown> => {
        const headers = { 'content-type': 'application/json', ...(await bearer(who, scopes)) };
        const response = await fetch(`${origin}/graphql`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ query }),
        });
        return [response.status, await response.json()];
      };
      expect(await post('{hello}')).toEqual([200, { data: { hello: 'Hello, stranger' } }]);
      const known = { hello: 'Hello, alice', me: { subject: 'alice' } };
      expect(await post('{hello,me{subject}}', 'alice')).toEqual([200, { data: known }]);
      for (const [who, code] of [
        [undefined, 'unauthenticated'],
        ['alice', 'insufficient_scope'],
      ]) {
        const refused = { data: { me: null }, errors: [{ path: ['me'], extensions: { code } }] };
        expect(await post('{me{subject}}', who, ['openid'])).toMatchObject([200, refused]);
      }
      expect(await ask('/jwks')).toEqual([200, { keys: [] }]);
    },
  },
  'trpc.ts': {
    show: async (ask, origin) => {
      const links = async (who?: string) => [
        httpBatchLink({ url: `${origin}/trpc`, headers: await bearer(who, ['groups']) }),
      ];
      const stranger = createTRPCClient<AppRouter>({ links: await links() });
      expect(await stranger.hello.query()).toBe('Hello, stranger');
      await expect(stranger.me.query()).rejects.toMatchObject({ message: 'unauthenticated' });
      const alice = createTRPCClient<AppRouter>({ links: await links('alice') });
      const [me, hello] = await Promise.all([alice.me.query(), alice.hello.query()]);
      expect([me, hello]).toMatchObject([{ subject: 'alice' }, 'Hello, alice']);
      expect((await ask('/trpc/me', 'alice', ['openid']))[0]).toBe(403);
      expect(await ask('/jwks')).toEqual([200, { keys: [] }]);
    },
  },
  'websocket.ts': {
    show: async (ask, origin) => {
      const connect = async (who?: string, scopes = ['groups']): Promise<unknown> => {
        const headers = await bearer(who, scopes);
        const socket = new WebSocket(`${origin.replace('http', 'ws')}/me`, { headers });
        return new Promise((resolve) => {
          socket.once('error', () => undefined);
          socket.once('message', (data: Buffer) => {
            resolve(JSON.parse(data.toString()));
            socket.terminate();
          });
          socket.once('unexpected-response', (_request, response) => {
            resolve(response.statusCode);
            socket.terminate();
          });
        });
      };
      expect(await connect('alice')).toMatchObject({ subject: 'alice' });
      expect(await connect()).toBe(401);
      expect(await connect('alice', ['openid'])).toBe(403);
      expect((await ask('/me'))[0]).toBe(404);
      expect(await ask('/jwks')).toEqual([200, { keys: [] }]);
    },
  },
  'sub-backend.ts': {
    settings: { OIDC_RS_BACKEND_CLASS: 'SubBackend' },
    show: async (ask) => {
      expect(await ask('/me', 'alice')).toMatchObject([200, { subject: 'alice', active: true }]);
    },
  },
  'backend-option.ts': {
    // The option wins: what the setting names is not even looked for.
    settings: { OIDC_RS_BACKEND_CLASS: 'AnotherBackend' },
    show: async (ask) => {
      // No token of this authorization server says anything about the e-mail address.
      expect((await ask('/me', 'alice'))[0]).toBe(401);
    },
  },
  'injected-services.ts': {
    settings: { OIDC_RS_BACKEND_CLASS: 'TeamBackend' },
    show: async (ask) => {
      expect(await ask('/me', 'alice')).toEqual([200, { subject: 'alice', teams: ['pharmacy'] }]);
      expect((await ask('/me', 'bob'))[0]).toBe(401);
    },
  },
  'protected-router.ts': {
    show: async (ask) => {
      expect(await ask('/')).toEqual([200, 'Hello, stranger']);
      expect(await ask('/', 'alice')).toEqual([200, 'Hello, alice']);
      expect(await ask('/api/me', 'alice')).toMatchObject([200, { subject: 'alice' }]);
      expect((await ask('/api/me'))[0]).toBe(401);
      expect(await ask('/status', 'alice')).toEqual([200, { person: 'alice' }]);
      expect(await ask('/status', 'robot')).toEqual([200, { robot: 'robot' }]);
    },
  },
  'kysely-sqlite.ts': {
    settings: { OIDC_RS_CREATE_USER: 'true' },
    prepare: () =>
      Promise.resolve({ DATABASE_FILE: join(mkdtempSync(join(tmpdir(), 'example-')), 'users.sqlite') }),
    show: async (ask) => {
      const [, first] = await ask('/me', 'alice');
      expect(first).toMatchObject({ id: 1, subject: 'alice', active: 1 });
      expect(await ask('/me', 'alice')).toEqual([200, first]);
      expect(await ask('/me', 'bob')).toMatchObject([200, { id: 2 }]);
    },
  },
  'kysely-django.ts': {
    settings: { OIDC_RS_CREATE_USER: 'true' },
    prepare: prepareDjangoTable,
    show: async (ask) => {
      expect(await ask('/me', 'alice')).toMatchObject([
        200,
        { email: 'alice@example.org', language: 'fr-fr' },
      ]);
      expect((await ask('/me', 'carol'))[0]).toBe(401);
      const [, bob] = await ask('/me', 'bob');
      expect(bob).toMatchObject({ email: null, language: 'en-us' });
      expect(await ask('/me', 'bob')).toEqual([200, bob]);
    },
  },
  'two-resource-servers.ts': {
    show: async (ask) => {
      expect((await ask('/groups/mine', 'alice'))[0]).toBe(200);
      expect((await ask('/documents/mine', 'alice'))[0]).toBe(403);
    },
  },
};
// This one needs a PostgreSQL server: CI starts one, and insists on it.
const RUNNABLE = Object.keys(EXAMPLES).filter(
  (file) => file !== 'kysely-django.ts' || process.env.POSTGRES_URL !== undefined,
);
if (process.env.CI !== undefined && process.env.POSTGRES_URL === undefined) {
  throw new Error('CI has to set POSTGRES_URL: scripts/databases.sh starts the server.');
}
const MODULE = { OIDC_RS_BACKEND_CLASS: './examples/backends/staff.ts#StaffBackend' };

function environment(settings: Record<string, string> = {}): Record<string, string> {
  return server.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot', ...settings });
}

function asking(origin: string): Ask {
  return async (path, who, scopes = ['groups']) => {
    const token =
      who === undefined
        ? undefined
        : who === 'robot'
          ? await server.clientToken({ scopes })
          : (await server.tokensFor(who, { scopes })).accessToken;
    const response = await fetch(origin + path, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') === true;
    return [response.status, json ? JSON.parse(text) : text];
  };
}

async function showStaff(ask: Ask): Promise<void> {
  expect(await ask('/me', 'alice')).toMatchObject([200, { subject: 'alice' }]);
  expect((await ask('/me', 'guest-1'))[0]).toBe(401);
}

it('there is a test for every example', () => {
  const files = readdirSync(fileURLToPath(new URL('../../examples', import.meta.url)));
  expect(files.filter((file) => file.endsWith('.ts')).sort()).toEqual(Object.keys(EXAMPLES).sort());
});

describe('under vitest', () => {
  it.each(RUNNABLE)('%s', async (file) => {
    const { settings, prepare, show } = EXAMPLES[file] as Example;
    const env = { ...environment(settings), ...(await prepare?.()) };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    vi.stubEnv('PORT', '0');
    const said = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const { server: http } = (await import(`../../examples/${file.slice(0, -3)}.ts`)) as { server: Server };
    try {
      if (!http.listening) await new Promise((resolve) => http.once('listening', resolve));
      const origin = `http://localhost:${String((http.address() as AddressInfo).port)}`;
      await show(asking(origin), origin);
    } finally {
      await new Promise((resolve) => http.close(resolve));
      said.mockRestore();
      vi.unstubAllEnvs();
    }
  });
});

const stripping = typeStrippingNode();
if (process.env.CI !== undefined && stripping === undefined) {
  throw new Error('CI has to name a Node that strips types: set NODE24_BINARY.');
}
// Node 20 strips no types; CI runs this with the binary of Node 24 besides.
const RUNTIMES = stripping === undefined ? (['tsx'] as const) : (['tsx', 'type stripping'] as const);

describe.each(RUNTIMES)('under %s', (runtime) => {
  it.each(RUNNABLE)('%s', async (file) => {
    const { settings, prepare, show } = EXAMPLES[file] as Example;
    const env = { ...environment(settings), ...(await prepare?.()) };
    const { origin, stop } = await startExample(runtime, `examples/${file}`, env);
    try {
      await show(asking(origin), origin);
    } finally {
      await stop();
    }
  });

  it('express.ts, with a backend that the setting takes from a module', async () => {
    const { origin, stop } = await startExample(runtime, 'examples/express.ts', environment(MODULE));
    try {
      await showStaff(asking(origin));
    } finally {
      await stop();
    }
  });
});
