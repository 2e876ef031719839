import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openUserDatabase } from '../../src/cli/user-database.ts';
import { introspect, type IntrospectedApis, startIntrospectedApis } from '../support/introspect-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-introspect-users-'));
let apis: IntrospectedApis;
let alice: string;
let databases = 0;

beforeAll(async () => {
  apis = await startIntrospectedApis();
  alice = await apis.server.tokenFor('alice', { scopes: ['openid', 'email'] });
});
afterAll(async () => {
  await apis.stop();
  rmSync(folder, { recursive: true });
});

/** An SQLite file that has Alice or nobody, changed by a statement, and what is in it now. */
async function usersFile({ known = true, sql = '' } = {}) {
  databases += 1;
  const file = join(folder, `${String(databases)}.sqlite`);
  const database = await openUserDatabase(file, { create: true });
  await database.migrate();
  if (known) {
    await database.store.create(apis.server.url, 'alice', { email: 'alice@example.com', claims: {} });
  }
  await database.close();
  const sqlite = new Database(file);
  sqlite.exec(sql);
  sqlite.close();
  const bytes = readFileSync(file);
  return { file, isUntouched: () => readFileSync(file).equals(bytes) };
}

describe('with --database', () => {
  it('a user who is there, with the id', async () => {
    const { file, isUntouched } = await usersFile();
    const run = await introspect(apis.json, alice, '--database', file);
    expect(apis.transcript(run.line('getOrCreateUser'))).toBe(
      '✓ 5 getOrCreateUser: this API wants an active user for the subject `alice` of `<issuer>`; there is one.',
    );
    expect(run.out).toContain('  subject: alice\n  user_id: 1\n');
    expect(run.code).toBe(0);
    expect(isUntouched()).toBe(true);
  });

  it('nobody, and what to do (U6)', async () => {
    const { file } = await usersFile({ known: false });
    const run = await introspect(apis.json, alice, '--database', file);
    expect(run.line('getOrCreateUser')).toMatch(
      /^✗ .*; there is none\. Add this one, or set OIDC_RS_CREATE_USER=true to have a user made of whoever comes\.$/,
    );
    expect(run.marks).toBe('✓✓✓✓✗');
    expect(run.out).toContain('HTTP/1.1 401 Unauthorized\n');
    expect(run.code).toBe(1);
  });

  it('nobody, where OIDC_RS_CREATE_USER would make one: nothing is written', async () => {
    const { file, isUntouched } = await usersFile({ known: false });
    const settings = { ...apis.json, OIDC_RS_CREATE_USER: 'true' };
    const run = await introspect(settings, alice, '--database', file);
    expect(run.line('getOrCreateUser')).toMatch(
      /^✓ .*; there is none, and OIDC_RS_CREATE_USER makes one at the first request; nothing was written\.$/,
    );
    expect(run.out).not.toContain('user_id');
    expect(run.code).toBe(0);
    expect(isUntouched()).toBe(true);
  });

  it('nobody, and a claim is missing without which none is made', async () => {
    const { file } = await usersFile({ known: false });
    const settings = {
      ...apis.json,
      OIDC_RS_CREATE_USER: 'true',
      OIDC_USERINFO_ESSENTIAL_CLAIMS: 'birthdate',
    };
    const run = await introspect(settings, alice, '--database', file);
    expect(run.line('getOrCreateUser')).toMatch(
      /^✗ .*; there is none; it refuses for `essential_claims`: No user is made without these claims: birthdate\. Ask the client to request the scopes that bring these claims, or change OIDC_USERINFO_ESSENTIAL_CLAIMS\.$/,
    );
    expect(run.code).toBe(1);
  });

  it('nobody by subject, and one to link by the e-mail address: nothing is written (U2)', async () => {
    const { file, isUntouched } = await usersFile({ sql: 'UPDATE users SET subject = NULL, issuer = NULL' });
    const settings = { ...apis.json, OIDC_RS_FALLBACK_TO_EMAIL: 'true' };
    const run = await introspect(settings, alice, '--database', file);
    expect(run.line('getOrCreateUser')).toMatch(
      /^✗ .*; there is none\. OIDC_RS_FALLBACK_TO_EMAIL lets in the one user without a subject whose address is `alice@\S+`, and gives them this subject; that writes, so it is not tried here\.$/,
    );
    expect(isUntouched()).toBe(true);
    const without = await apis.server.tokenFor('alice', { scopes: ['openid'] });
    expect((await introspect(settings, without, '--database', file)).line('getOrCreateUser')).toMatch(
      /For OIDC_RS_FALLBACK_TO_EMAIL a verified e-mail address is needed, and none is known\.$/,
    );
  });

  it('a user who is disabled (U5)', async () => {
    const { file } = await usersFile({ sql: 'UPDATE users SET active = 0' });
    const run = await introspect(apis.json, alice, '--database', file);
    expect(run.line('getOrCreateUser')).toMatch(
      /^✗ .*; there is one, and it is disabled\. Set it active again, if it may come in\.$/,
    );
    expect(run.code).toBe(1);
  });

  it('a user whose data are old: they are left as they are', async () => {
    const { file, isUntouched } = await usersFile({
      sql: "UPDATE users SET updated_at = '2020-01-01T00:00:00.000Z'",
    });
    const settings = { ...apis.json, OIDC_RS_USERINFO_MAX_AGE: '60' };
    expect(await introspect(settings, alice, '--database', file)).toMatchObject({ code: 0 });
    expect(isUntouched()).toBe(true);
  });

  it('a file without a table of users: nobody can tell (U8)', async () => {
    const { file } = await usersFile({ sql: 'DROP TABLE users' });
    const run = await introspect(apis.json, alice, '--database', file);
    expect(run.line('getOrCreateUser')).toMatch(
      /^✗ .*it cannot tell for `ERR_USER_STORE`: .*\(\w+ \(\w+\)\)\. The token is not at fault: oidc-rs check --database says whether/,
    );
    expect(run.out).toContain('HTTP/1.1 503 Service Unavailable\n');
    expect(run.code).toBe(3);
  });

  it('a database that is down: nobody can tell, and its password is not shown (U8, A9)', async () => {
    const run = await introspect(apis.json, alice, '--database', 'postgres://me:hunter2@127.0.0.1:9/users');
    expect(run.line('getOrCreateUser')).toMatch(/ERR_USER_STORE.*ECONNREFUSED/);
    expect(run.code).toBe(3);
    expect(run.out + run.err).not.toContain('hunter2');
  });

  it('no such file ends with 2', async () => {
    const run = await introspect(apis.json, alice, '--database', join(folder, 'none.sqlite'));
    expect(run).toMatchObject({ code: 2, out: '' });
    expect(run.err).toContain('--database: there is no file ');
  });
});

describe('a client that acts for itself', () => {
  it('is refused by a route that wants a person (I10)', async () => {
    const robot = await apis.server.clientToken({ scopes: ['groups'] });
    const run = await introspect(apis.json, robot);
    expect(run.line('getOrCreateUser')).toBe(
      '✗ 5 getOrCreateUser: this route wants a person behind the token; the client `robot` acts for itself, with no person behind the token. If your route says { clients: true }, say --clients here; otherwise the client has to send the token of a person.',
    );
    expect(run.out).toContain('HTTP/1.1 401 Unauthorized\n');
    expect(run.code).toBe(1);
  });

  it('is let in by --clients, and no user is looked for (I10)', async () => {
    const robot = await apis.server.clientToken({ scopes: ['groups'] });
    const { file } = await usersFile({ known: false });
    const run = await introspect(apis.json, robot, '--clients', '--database', file);
    expect(run.line('getOrCreateUser')).toBe(
      '✓ 5 getOrCreateUser: this route lets clients in that act for themselves (--clients); the client `robot` acts for itself, with no person behind the token; no user is looked for.',
    );
    expect(run.out).toContain('handed:\n  client: robot\n  audience: robot\n  scopes: groups\n');
    expect(run.code).toBe(0);
  });

  it('--clients lets persons in, too', async () => {
    expect(await introspect(apis.json, alice, '--clients')).toMatchObject({ code: 0 });
  });
});
