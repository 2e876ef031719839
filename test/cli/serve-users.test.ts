import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { ask, identityIn, type ServeHere, serveHere } from '../support/reverse-proxy-serve.ts';
import { oidcRs } from '../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'serve-users-'));
let authorizationServer: TestAuthorizationServer;
let settings: Record<string, string>;
beforeAll(async () => {
  authorizationServer = await startAuthorizationServer();
  settings = authorizationServer.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot' });
});
afterAll(async () => {
  await authorizationServer.stop();
  rmSync(folder, { recursive: true });
});

async function withServe(
  flags: Parameters<typeof serveHere>[1],
  use: (serve: ServeHere) => Promise<void>,
  env = settings,
): Promise<void> {
  const serve = await serveHere(env, flags);
  try {
    await use(serve);
  } finally {
    await serve.stop();
  }
}

const tokenOf = (who: string): Promise<string> => authorizationServer.tokenFor(who, { scopes: ['openid'] });

describe('--users with an SQLite file', () => {
  const file = join(folder, 'users.sqlite');

  it('create makes the table, and one user of ten first requests (U1)', async () => {
    const token = await tokenOf('alice');
    await withServe({ users: 'create', database: file }, async (serve) => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(serve.url, '/auth', { token })));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const ids = new Set(answers.map((answer) => identityIn(answer)['user-id']));
      expect(ids.size).toBe(1);
      expect([...ids][0]).not.toBe('');
    });
    expect(new Database(file).prepare('SELECT subject FROM users').all()).toEqual([{ subject: 'alice' }]);
  });

  it('lookup finds who is there, refuses who is not, and makes nobody', async () => {
    const [alice, bob] = await Promise.all([tokenOf('alice'), tokenOf('bob')]);
    // The flag decides over the environment.
    const env = { ...settings, OIDC_RS_CREATE_USER: 'true' };
    await withServe(
      { users: 'lookup', database: file },
      async (serve) => {
        const known = await ask(serve.url, '/auth', { token: alice });
        expect(identityIn(known)).toMatchObject({ subject: 'alice' });
        expect(identityIn(known)['user-id']).not.toBe('');
        expect((await ask(serve.url, '/auth', { token: bob })).status).toBe(401);
        expect(serve.requests().at(-1)).toMatchObject({ status: 401, reason: 'unknown_user' });
        expect((await ask(serve.url, '/readyz')).status).toBe(200);
      },
      env,
    );
    expect(new Database(file).prepare('SELECT count(*) AS n FROM users').get()).toMatchObject({ n: 1 });
  });

  it('a user who is disabled meanwhile is refused at once (U5)', async () => {
    const token = await tokenOf('alice');
    await withServe({ users: 'lookup', database: file }, async (serve) => {
      expect((await ask(serve.url, '/auth', { token })).status).toBe(200);
      new Database(file).exec('UPDATE users SET active = 0');
      expect((await ask(serve.url, '/auth', { token })).status).toBe(401);
    });
  });

  it('needs --database, which none does not take', async () => {
    expect(await oidcRs(['serve', '--users', 'lookup'], { env: settings })).toMatchObject({
      code: 2,
      err: '--users lookup needs --database: an SQLite file, or a postgres:// URL.\n',
    });
    expect(await oidcRs(['serve', '--database', file], { env: settings })).toMatchObject({ code: 2 });
    const missing = join(folder, 'missing.sqlite');
    const lookup = await oidcRs(['serve', '--users', 'lookup', '--database', missing], { env: settings });
    expect(lookup).toMatchObject({ code: 2, err: `--database: there is no file ${missing}.\n` });
  });
});

const { POSTGRES_URL } = process.env;
describe.skipIf(POSTGRES_URL === undefined)(
  '--users with PostgreSQL (scripts/databases.sh starts one)',
  () => {
    it('create makes the table and the user', async () => {
      const pool = new pg.Pool({ connectionString: POSTGRES_URL });
      await pool.query('CREATE SCHEMA IF NOT EXISTS serve');
      const url = `${POSTGRES_URL ?? ''}?options=-c%20search_path%3Dserve`;
      try {
        await withServe({ users: 'create', database: url }, async (serve) => {
          const answer = await ask(serve.url, '/auth', { token: await tokenOf('carol') });
          expect(identityIn(answer)).toMatchObject({ subject: 'carol' });
          expect((await ask(serve.url, '/readyz')).status).toBe(200);
        });
        const { rows } = await pool.query('SELECT subject FROM serve.users');
        expect(rows).toEqual([{ subject: 'carol' }]);
      } finally {
        await pool.query('DROP SCHEMA serve CASCADE');
        await pool.end();
      }
    });
  },
);

describe('a database that is down', () => {
  it('ends with 3 where the table cannot be made', async () => {
    const url = 'postgres://somebody:hunter2@127.0.0.1:9/users';
    const run = await oidcRs(['serve', '--users', 'create', '--database', url], { env: settings });
    expect(run.code).toBe(3);
    expect(run.err).toMatch(/^--database: the table of users cannot be made there: .*ECONNREFUSED/);
    expect(run.out + run.err).not.toContain('hunter2');
  });

  it('is 503 for whoever comes, and /readyz says why (U8)', async () => {
    const database = 'postgres://somebody:hunter2@127.0.0.1:9/users';
    await withServe({ users: 'lookup', database }, async (serve) => {
      const answer = await ask(serve.url, '/auth', { token: await tokenOf('alice') });
      expect(answer.status).toBe(503);
      const ready = await ask(serve.url, '/readyz');
      expect(ready.status).toBe(503);
      expect(JSON.parse(ready.body)).toMatchObject({
        status: 'not_ready',
        checks: [
          { name: 'authorization_server', status: 'pass' },
          { name: 'users', status: 'fail', code: 'ERR_USER_STORE' },
        ],
      });
      expect(serve.text()).not.toContain('hunter2');
    });
  });
});
