import { Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  KyselyUserStore,
  type KyselyUserStoreOptions,
  migrateUsers,
  type UserRow,
} from '../../src/user/kysely-user-store.ts';
import { type AnyDatabase, openDatabase } from '../support/databases.ts';

const ISSUER = 'https://auth.example.com';
const PROFILE = { claims: {}, email: 'alice@example.com', fullName: 'Alice Doe' };

let queries: { sql: string; parameters: readonly unknown[] }[] = [];
let database: Database.Database;
let db: AnyDatabase;
const storeWith = (options: KyselyUserStoreOptions = {}) => new KyselyUserStore<UserRow>(db, options);

beforeEach(async () => {
  database = new Database(':memory:');
  db = new Kysely({
    dialect: new SqliteDialect({ database }),
    log: ({ query: { sql, parameters } }) => void queries.push({ sql, parameters }),
  });
  await migrateUsers(db);
  queries = [];
});
afterEach(() => db.destroy());

describe('the queries of KyselyUserStore', () => {
  it('reads once for a request, by the index', async () => {
    await storeWith().findBySubject(ISSUER, 'alice');
    expect(queries).toEqual([
      { sql: 'select * from "users" where ("issuer" = ? and "subject" = ?)', parameters: [ISSUER, 'alice'] },
    ]);
    const plan = database.prepare(`explain query plan ${queries[0]?.sql ?? ''}`).all(ISSUER, 'alice') as {
      detail: string;
    }[];
    expect(plan.map(({ detail }) => detail)).toEqual([
      'SEARCH users USING INDEX sqlite_autoindex_users_1 (issuer=? AND subject=?)',
    ]);
  });

  it.each(['', 'a\0', '\ud800', 'alice ', 'a'.repeat(256), true as never, 42 as never])(
    'does not hand %j to the driver (I11, U10)',
    async (subject) => {
      const store = storeWith();
      expect(await store.findBySubject(ISSUER, subject)).toBeUndefined();
      expect(await store.findBySubject(subject, 'alice')).toBeUndefined();
      expect(await store.linkByVerifiedEmail(ISSUER, subject, 'alice@example.com')).toBeUndefined();
      expect(await store.linkByVerifiedEmail(ISSUER, 'alice', subject)).toBeUndefined();
      await expect(store.create(ISSUER, subject, PROFILE)).rejects.toMatchObject({ reason: 'subject' });
      await expect(store.create(subject, 'alice', PROFILE)).rejects.toMatchObject({ reason: 'subject' });
      expect(queries).toEqual([]);
    },
  );

  it('updates what has changed, and when (U9)', async () => {
    const store = storeWith();
    const user = await store.create(ISSUER, 'alice', PROFILE);
    queries = [];
    await store.update(user, { ...PROFILE, fullName: 'Alice B. Doe' });
    expect(queries[0]?.sql).toBe(
      'update "users" set "full_name" = ?, "updated_at" = ? where (("issuer" = ? and "subject" = ?) and "updated_at" < ?)',
    );
    expect(queries).toHaveLength(2);
    expect(await store.update(user, PROFILE)).toMatchObject({ full_name: 'Alice B. Doe' });
  });

  it('gives each version of a row an instant of its own, within a millisecond too (U9)', async () => {
    const store = storeWith();
    let user = await store.create(ISSUER, 'alice', PROFILE);
    for (let version = 0; version < 20; version++) {
      const next = await store.update(user, { claims: {}, fullName: `Version ${version}` });
      expect(store.updatedAt(next)).toBeGreaterThan(store.updatedAt(user));
      expect(await store.update(user, { claims: {}, fullName: 'stale' })).toEqual(next);
      user = next;
    }
  });

  it('writes nothing where nothing changed and the table does not say when', async () => {
    const store = storeWith({ columns: { updatedAt: false }, initial: () => ({ updated_at: 0 }) });
    const user = await store.create(ISSUER, 'alice', PROFILE);
    queries = [];
    await store.update(user, PROFILE);
    expect(queries.map(({ sql }) => sql.split(' ')[0])).toEqual(['select']);
  });

  it('binds text, numbers and NULL only (U10)', async () => {
    database.exec('alter table users add column further; alter table users add column other');
    const store = storeWith({ extra: ({ further, other }) => ({ further, other }) as never });
    const claims = { further: true, other: Number.NaN };
    const user = await store.create(ISSUER, 'alice', { claims });
    expect(user).toMatchObject({ further: 1, other: null });
    const updated = await store.update(user, { claims: { further: 'a\0b', other: '\ud800' } });
    expect(updated).toMatchObject({ further: null, other: null });
    for (const { parameters } of queries) {
      for (const value of parameters) expect(['string', 'number', 'object']).toContain(typeof value);
    }
    for (const further of [{ a: 1 }, ['a'], new Date(), 1n, Symbol('a')]) {
      await expect(store.create(ISSUER, 'bob', { claims: { further } })).rejects.toThrow(TypeError);
    }
    expect(await store.findBySubject(ISSUER, 'bob')).toBeUndefined();
  });

  it('links nobody whom another issuer vouches for (U4)', async () => {
    const row = { email: 'alice@example.com', created_at: 0, updated_at: 0 };
    await db
      .insertInto('users')
      .values({ ...row, issuer: 'https://auth.example.org' })
      .execute();
    const store = storeWith();
    expect(await store.linkByVerifiedEmail(ISSUER, 'alice', row.email)).toBeUndefined();
    expect(await store.linkByVerifiedEmail('https://auth.example.org', 'alice', row.email)).toBeDefined();
  });

  it('refuses to choose between two rows with one key', async () => {
    database.exec('create table twice (issuer, subject)');
    database.exec(`insert into twice values ('${ISSUER}', 'alice'), ('${ISSUER}', 'alice')`);
    await expect(storeWith({ table: 'twice' }).findBySubject(ISSUER, 'alice')).rejects.toThrow(/Two rows/);
    await expect(storeWith({ table: 'twice' }).findBySubject(ISSUER, 'bob')).resolves.toBeUndefined();
  });
});

describe('KyselyUserStore', () => {
  it('withholds what the table has no column for, so that settings which need it stop the start', () => {
    const store = storeWith({ columns: { email: false, updatedAt: false } });
    expect([store.linkByVerifiedEmail, store.updatedAt]).toEqual([undefined, undefined]);
    expect(storeWith({ columns: { active: false } }).isActive({ active: 0 } as UserRow)).toBe(true);
  });

  it.each([
    [1, true],
    [true, true],
    ['1', true],
    [1n, true],
    [0, false],
    [false, false],
    ['0', false],
    [null, false],
    [undefined, false],
    ['yes', false],
    [2, false],
  ])('lets in who has %o in the column', (active, expected) => {
    expect(storeWith().isActive({ active } as never)).toBe(expected);
  });

  it.each([
    [1_700_000_000_123, 1_700_000_000_123],
    ['1700000000123', 1_700_000_000_123],
    [1_700_000_000_123n, 1_700_000_000_123],
    [new Date(1_700_000_000_123), 1_700_000_000_123],
    ['2023-11-14 22:13:20.123456', 1_700_000_000_123],
    ['2023-11-14T22:13:20.123Z', 1_700_000_000_123],
    ['2023-11-14 23:13:20.123+01:00', 1_700_000_000_123],
    [null, 0],
    ['never', 0],
    [new Date(Number.NaN), 0],
  ])('reads the instant %s', (updated_at, expected) => {
    expect(storeWith().updatedAt({ updated_at } as never)).toBe(expected);
  });

  it('updates a row that does not say when it was written', async () => {
    database.exec('create table old (issuer, subject, full_name, updated_at, unique (issuer, subject))');
    database.exec(`insert into old values ('${ISSUER}', 'alice', null, null)`);
    const store = storeWith({ table: 'old' });
    const user = (await store.findBySubject(ISSUER, 'alice')) as UserRow;
    const updated = await store.update(user, { claims: {}, fullName: 'Alice Doe' });
    expect(updated.full_name).toBe('Alice Doe');
    expect(await store.update(user, { claims: {}, fullName: 'stale' })).toEqual(updated);
  });

  it('says so when it does not know the database', () => {
    const unknown = { getExecutor: () => ({ adapter: {} }) } as unknown as AnyDatabase;
    expect(() => new KyselyUserStore(unknown)).toThrow(/"dialect"/);
  });

  it('migrates again and again, keeping what is there', async () => {
    const user = await storeWith().create(ISSUER, 'alice', PROFILE);
    await Promise.all(Array.from({ length: 10 }, () => migrateUsers(db)));
    expect(await storeWith().findBySubject(ISSUER, 'alice')).toEqual(user);
    const pglite = await openDatabase('PGlite', '');
    await Promise.all(Array.from({ length: 10 }, () => migrateUsers(pglite)));
    await pglite.destroy();
  });
});
