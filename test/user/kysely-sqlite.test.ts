import { CamelCasePlugin, Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import {
  KyselyUserStore,
  migrateUsers,
  type NodeSqliteDriver,
  type PreparedSqlite,
  type SqliteDriver,
  type UserRow,
  withPreparedStatements,
} from 'oidc-resource-server/kysely';
import { userStoreContract } from 'oidc-resource-server/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AnyDatabase } from '../support/databases.ts';

const ISSUER = 'https://auth.example.com';

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => NodeSqliteDriver & { exec(sql: string): void };
}
// Not imported: Node 20 has none. That of Node 22 sees a new column one look-up late, and is not supported.
const isSupported = Number(process.versions.node.split('.')[0]) >= 24;
const node = isSupported ? (process.getBuiltinModule('node:sqlite') as NodeSqlite) : undefined;
type Open = () => (SqliteDriver | NodeSqliteDriver) & { exec(sql: string): void };
const OPEN: readonly (readonly [name: string, open: Open | undefined])[] = [
  ['libsql', () => new Database(':memory:')],
  ['node:sqlite', node && (() => new node.DatabaseSync(':memory:'))],
];

describe.each(OPEN)('KyselyUserStore with the SQLite of %s at hand', (name, open) => {
  const inThisNode = describe.skipIf(open === undefined);
  let driver: ReturnType<NonNullable<typeof open>>;
  let sqlite: PreparedSqlite;
  let db: AnyDatabase;
  let store: KyselyUserStore;
  const openStore = async (): Promise<void> => {
    if (open === undefined) throw new Error(`no ${name}`);
    driver = open();
    sqlite = withPreparedStatements(driver);
    db = new Kysely({ dialect: new SqliteDialect({ database: sqlite }) });
    await migrateUsers(db);
    store = new KyselyUserStore(db, { sqlite });
  };

  inThisNode('look-ups', () => {
    beforeEach(openStore);
    afterEach(() => db.destroy());

    it('answer without a promise', async () => {
      const alice = await store.create(ISSUER, 'alice', { claims: {}, fullName: 'Alice Doe' });
      expect(alice).toMatchObject({ issuer: ISSUER, subject: 'alice', full_name: 'Alice Doe', active: 1 });
      expect(store.findBySubject(ISSUER, 'alice')).toEqual(alice);
      expect(store.findBySubject(ISSUER, 'bob')).toBeUndefined();
      expect(store.findBySubject('https://other.example.com', 'alice')).toBeUndefined();
    });

    it('wait while a transaction is open, and see what it has written only if that stays', async () => {
      for (const stays of [false, true]) {
        let found: unknown;
        const transaction = db.transaction().execute(async (trx) => {
          await trx
            .insertInto('users')
            .values({ issuer: ISSUER, subject: 'alice', created_at: 1, updated_at: 1 })
            .execute();
          found = store.findBySubject(ISSUER, 'alice');
          expect(found).toBeInstanceOf(Promise);
          if (!stays) throw new Error('taken back');
        });
        await transaction.catch(() => undefined);
        expect((await found) !== undefined).toBe(stays);
      }
    });

    it('go on while the application reads the same rows one by one', async () => {
      await store.create(ISSUER, 'alice', { claims: {} });
      const rows = db
        .selectFrom('users')
        .selectAll()
        .where((eb) => eb.and([eb('issuer', '=', ISSUER), eb('subject', '=', 'alice')]))
        .stream();
      for await (const row of rows) expect(store.findBySubject(ISSUER, 'alice')).toEqual(row);
    });

    it('see what has been changed since, also the table', async () => {
      expect(store.findBySubject(ISSUER, 'alice')).toBeUndefined();
      await store.create(ISSUER, 'alice', { claims: {} });
      driver.exec('alter table users add column team text');
      driver.exec("update users set team = 'pharmacy'");
      expect(store.findBySubject(ISSUER, 'alice')).toMatchObject({ team: 'pharmacy' });
    });

    it('go through Kysely where it has plugins, which change the rows', async () => {
      await store.create(ISSUER, 'alice', { claims: {}, fullName: 'Alice Doe' });
      const camel = new KyselyUserStore<object>(db.withPlugin(new CamelCasePlugin()), { sqlite });
      expect(await camel.findBySubject(ISSUER, 'alice')).toMatchObject({ fullName: 'Alice Doe' });
    });

    it('go through Kysely where the driver does not say whether a transaction is open', async () => {
      const silent: SqliteDriver = { prepare: (sql) => sqlite.prepare(sql), close: () => undefined };
      await store.create(ISSUER, 'alice', { claims: {} });
      const found = new KyselyUserStore(db, { sqlite: withPreparedStatements(silent) }).findBySubject(
        ISSUER,
        'alice',
      );
      expect(found).toBeInstanceOf(Promise);
      expect(await found).toMatchObject({ subject: 'alice' });
    });

    it('tell what a query without rows has changed', async () => {
      await store.create(ISSUER, 'alice', { claims: {} });
      const [result] = await db.updateTable('users').set({ active: 0 }).execute();
      expect(result?.numUpdatedRows).toBe(1n);
      expect(store.findBySubject(ISSUER, 'alice')).toMatchObject({ active: 0 });
    });
  });

  inThisNode('the contract', async () => {
    if (open === undefined) return;
    await userStoreContract<UserRow>({ describe, it }, async () => {
      await openStore();
      const now = Date.now();
      return {
        store,
        addUnlinked: async (email) => {
          await db.insertInto('users').values({ email, created_at: now, updated_at: now }).execute();
        },
        disable: async ({ id }) => {
          await db.updateTable('users').set({ active: 0 }).where('id', '=', id).execute();
        },
        remove: async ({ id }) => {
          await db.deleteFrom('users').where('id', '=', id).execute();
        },
        profileOf: ({ email, full_name, short_name }) => ({
          email,
          fullName: full_name,
          shortName: short_name,
        }),
        close: () => db.destroy(),
      };
    });
  });
});
