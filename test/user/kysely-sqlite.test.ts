import { CamelCasePlugin, Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import {
  KyselyUserStore,
  migrateUsers,
  type NodeSqliteDriver,
  type PreparedSqlite,
  type SqliteDriver,
  type SqliteRowStatement,
  type UserRow,
  withPreparedStatements,
} from 'oidc-resource-server/kysely';
import { userStoreContract } from 'oidc-resource-server/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AnyDatabase } from '../support/databases.ts';

const ISSUER = 'https://auth.example.com';

interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
    options?: { enableDoubleQuotedStringLiterals: boolean },
  ) => NodeSqliteDriver & { exec(sql: string): void };
}
// Not imported: Node 20 has none. That of Node 22 sees a new column one look-up late, and is not supported.
const isSupported = Number(process.versions.node.split('.')[0]) >= 24;
const node = isSupported ? (process.getBuiltinModule('node:sqlite') as NodeSqlite) : undefined;
type Open = () => (SqliteDriver | NodeSqliteDriver) & { exec(sql: string): void };
const OPEN: readonly (readonly [name: string, open: Open | undefined])[] = [
  ['libsql', () => new Database(':memory:')],
  ['node:sqlite', node && (() => new node.DatabaseSync(':memory:'))],
  [
    'node:sqlite, to which names in double quotes may be texts,',
    node && (() => new node.DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: true })),
  ],
];

/** A table that has a column for the subject, and nothing else that the store knows. */
const SUBJECT_ALONE = {
  subject: 'sub',
  issuer: false,
  active: false,
  email: false,
  fullName: false,
  shortName: false,
  createdAt: false,
  updatedAt: false,
} as const;

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

    it('see what has been changed since', async () => {
      expect(store.findBySubject(ISSUER, 'alice')).toBeUndefined();
      await store.create(ISSUER, 'alice', { claims: {} });
      driver.exec("update users set full_name = 'Alice Doe'");
      expect(store.findBySubject(ISSUER, 'alice')).toMatchObject({ full_name: 'Alice Doe' });
    });

    it('give each value under the name of its column, however many there are', async () => {
      await store.create(ISSUER, 'alice', { claims: {}, fullName: 'Alice Doe' });
      const extra: Record<string, string> = {};
      for (let i = 0; i < 20; i += 1) {
        const names = sqlite.columns('select * from users');
        driver.exec(`alter table users add column "extra ${i}" text default 'value ${i}'`);
        extra[`extra ${i}`] = `value ${i}`;
        const alice = new KyselyUserStore(db, { sqlite }).findBySubject(ISSUER, 'alice');
        expect(Object.keys(alice ?? {}).toSorted()).toEqual([...names, `extra ${i}`].toSorted());
        expect(alice).toMatchObject({ issuer: ISSUER, subject: 'alice', full_name: 'Alice Doe', ...extra });
      }
    });

    it('never give a value under the name of another column, whatever becomes of the table', async () => {
      const alice = await store.create(ISSUER, 'alice', { claims: {}, fullName: 'Alice Doe' });
      driver.exec('alter table users rename column short_name to nickname');
      const { short_name, ...rest } = alice;
      expect(store.findBySubject(ISSUER, 'alice')).toEqual({ ...rest, nickname: short_name });
      driver.exec('alter table users drop column nickname');
      expect(store.findBySubject(ISSUER, 'alice')).toEqual(rest);
      driver.exec(`
        create table others (updated_at integer, id integer, active integer, full_name text, email text, created_at integer,
          subject text, issuer text, unique (subject, issuer));
        insert into others (issuer, subject, id, active, full_name, email, created_at, updated_at)
          select issuer, subject, id, active, full_name, email, created_at, updated_at from users;
        drop table users;
        alter table others rename to users`);
      expect(store.findBySubject(ISSUER, 'alice')).toEqual(rest);
      driver.exec('drop table users');
      await expect(store.findBySubject(ISSUER, 'alice')).rejects.toThrow('no such table');
    });

    it('begin once there is the table, and once the first transaction is over', async () => {
      driver.exec('alter table users rename to later');
      const early = new KyselyUserStore(db, { sqlite });
      driver.exec('begin');
      const waiting = early.findBySubject(ISSUER, 'alice') as Promise<unknown>;
      driver.exec('alter table later rename to users');
      driver.exec('commit');
      await waiting;
      expect(early.findBySubject(ISSUER, 'alice')).toBeUndefined();
    });

    it.each([
      ['no index', 'sub text', ''],
      ['an index that is not unique', 'sub text', 'create index i on people (sub)'],
      ['a unique index of some rows', 'sub text', 'create unique index i on people (sub) where active'],
      ['a unique index of more columns', 'sub text', 'create unique index i on people (sub, active)'],
      ['a unique index of other columns', 'sub text', 'create unique index i on people (email)'],
      ['an index that knows no case', 'sub text', 'create unique index i on people (sub collate nocase)'],
      ['a column that makes numbers of texts', 'sub integer unique', ''],
      ['a column of no type', 'sub unique', ''],
    ])('go through Kysely where the key has %s (U10)', async (_, column, index) => {
      driver.exec(`create table people (${column}, email text, active integer); ${index}`);
      driver.exec("insert into people (sub, active) values ('7', 1)");
      const people = new KyselyUserStore<object>(db, { table: 'people', columns: SUBJECT_ALONE, sqlite });
      expect(people.findBySubject(ISSUER, '7')).toBeInstanceOf(Promise);
      expect(await people.findBySubject(ISSUER, '07')).toBeUndefined();
      if (index.includes('create unique index') || column.includes('unique')) return;
      driver.exec("insert into people (sub, active) values ('7', 1)");
      await expect(people.findBySubject(ISSUER, '7')).rejects.toThrow('Two rows of "people"');
    });

    it.each([
      [
        'a column that knows no case',
        'sub text collate nocase, "a.b" text, unique (sub collate binary)',
        'people',
      ],
      ['varchar', 'sub varchar(255) primary key, "a.b" text', 'main.people'],
      ['nothing but the key', 'sub text unique', 'people'],
    ])('find by the same bytes, at once, with %s (U10)', (_, definition, table) => {
      driver.exec(`create table people (${definition})`);
      driver.exec("insert into people (sub) values ('Alice'), ('alice')");
      const people = new KyselyUserStore<object>(db, { table, columns: SUBJECT_ALONE, sqlite });
      const others = definition.includes('a.b') ? { 'a.b': null } : {};
      expect(people.findBySubject(ISSUER, 'alice')).toEqual({ sub: 'alice', ...others });
      expect(people.findBySubject(ISSUER, 'Alice')).toEqual({ sub: 'Alice', ...others });
      expect(people.findBySubject(ISSUER, 'ALICE')).toBeUndefined();
    });

    it('go through Kysely where it has plugins, which change the rows', async () => {
      await store.create(ISSUER, 'alice', { claims: {}, fullName: 'Alice Doe' });
      const camel = new KyselyUserStore<object>(db.withPlugin(new CamelCasePlugin()), { sqlite });
      expect(await camel.findBySubject(ISSUER, 'alice')).toMatchObject({ fullName: 'Alice Doe' });
    });

    it.each<[string, (statement: SqliteRowStatement) => Partial<SqliteRowStatement>, boolean | undefined]>([
      ['does not say whether a transaction is open', (statement) => statement, undefined],
      ['gives no rows as arrays', () => ({}), false],
      [
        'does not name the columns',
        (statement) => ({ raw: () => statement.raw(), get: (parameters) => statement.get(parameters) }),
        false,
      ],
    ])('go through Kysely where the driver %s', async (_, more, inTransaction) => {
      const less: SqliteDriver = {
        ...(inTransaction !== undefined && { inTransaction }),
        prepare: (sql) => {
          const statement = sqlite.prepare(sql);
          return {
            reader: statement.reader,
            all: (parameters) => statement.all(parameters),
            run: (parameters) => statement.run(parameters),
            iterate: (parameters) => statement.iterate(parameters),
            ...more(statement as unknown as SqliteRowStatement),
          };
        },
        close: () => undefined,
      };
      const prepare = vi.spyOn(less, 'prepare');
      await store.create(ISSUER, 'alice', { claims: {} });
      const other = new KyselyUserStore(db, { sqlite: withPreparedStatements(less) });
      const found = other.findBySubject(ISSUER, 'alice');
      expect(found).toBeInstanceOf(Promise);
      expect(await found).toMatchObject({ subject: 'alice', active: 1 });
      await other.findBySubject(ISSUER, 'alice');
      expect(prepare).toHaveBeenCalledOnce();
    });

    it('keep a statement and its names together when neither can be made anew', async () => {
      const alice = await store.create(ISSUER, 'alice', { claims: {} });
      const first = vi.spyOn(sqlite, 'first');
      const other = new KyselyUserStore(db, { sqlite });
      expect(other.findBySubject(ISSUER, 'alice')).toEqual(alice);
      driver.exec('alter table users rename column short_name to nickname');
      const { short_name, ...rest } = alice;
      const { first: real } = withPreparedStatements(driver);
      first.mockImplementationOnce(real).mockImplementationOnce(() => {
        throw new Error('database is locked');
      });
      expect(() => other.findBySubject(ISSUER, 'alice')).toThrow('locked');
      driver.exec('alter table users rename column nickname to short_name');
      driver.exec('alter table users add column team text');
      expect(other.findBySubject(ISSUER, 'alice')).toEqual({ ...rest, short_name, team: null });
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
