import { Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { KyselyUserStore, migrateUsers, withPreparedStatements } from 'oidc-resource-server/kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const ISSUER = 'https://auth.example.com';

let database: Database.Database;
beforeEach(() => {
  database = new Database(':memory:');
});
afterEach(() => {
  if (database.open) database.close();
});

describe('withPreparedStatements', () => {
  it('has each query prepared once, whatever its parameters', async () => {
    const prepare = vi.spyOn(database, 'prepare');
    const db = new Kysely({ dialect: new SqliteDialect({ database: withPreparedStatements(database) }) });
    await migrateUsers(db);
    const store = new KyselyUserStore(db);
    for (const subject of ['alice', 'bob']) await store.create(ISSUER, subject, { claims: {} });
    prepare.mockClear();
    for (const subject of ['alice', 'bob', 'nobody', 'alice']) {
      expect((await store.findBySubject(ISSUER, subject))?.subject).toBe(
        subject === 'nobody' ? undefined : subject,
      );
    }
    expect(prepare).not.toHaveBeenCalled();
  });

  it('sees what has been changed since, also the table', async () => {
    const db = new Kysely({ dialect: new SqliteDialect({ database: withPreparedStatements(database) }) });
    await migrateUsers(db);
    const store = new KyselyUserStore(db);
    expect(await store.findBySubject(ISSUER, 'alice')).toBeUndefined();
    await store.create(ISSUER, 'alice', { claims: {} });
    database.exec('alter table users add column team text');
    database.exec("update users set team = 'pharmacy'");
    expect(await store.findBySubject(ISSUER, 'alice')).toMatchObject({ team: 'pharmacy' });
  });

  it('keeps a hundred of them, and closes the database', () => {
    const kept = withPreparedStatements(database);
    const first = kept.prepare('select 0');
    expect(kept.prepare('select 0')).toBe(first);
    for (let i = 1; i <= 100; i += 1) kept.prepare(`select ${String(i)}`);
    expect(kept.prepare('select 0')).not.toBe(first);
    kept.close();
    expect(database.open).toBe(false);
  });
});
