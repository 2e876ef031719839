import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { KyselyUserStore, type KyselyUserStoreOptions } from '../../src/user/kysely-user-store.ts';
import { userStoreContract } from '../../src/testing/index.ts';
import {
  type AnyDatabase,
  type DatabaseName,
  openDatabase,
  removeDatabase,
  sharedDatabases,
} from '../support/databases.ts';

/** A row as the original's applications have it: the key is the subject alone. */
interface DjangoUser {
  readonly id: string;
  readonly sub: string | null;
  readonly email: string | null;
  readonly full_name: string | null;
  readonly short_name: string | null;
  readonly language: string;
  readonly is_active: boolean | number;
  readonly is_staff: boolean | number;
  readonly created_at: Date | string;
  readonly updated_at: Date | string;
}

const ISSUER = 'https://auth.example.com';
const OPTIONS: KyselyUserStoreOptions = {
  columns: { issuer: false, subject: 'sub', active: 'is_active' },
  instants: 'date',
  extra: ({ locale, roles }) => ({
    language: locale === 'fr' ? 'fr-fr' : 'en-us',
    is_staff: Array.isArray(roles) && roles.includes('staff'),
    is_active: false,
    sub: 'mallory',
  }),
  initial: () => ({ id: randomUUID(), password: '!' }),
};

/** Creates the table with the types that Django gives the columns in each database. */
async function createTable(db: AnyDatabase, name: DatabaseName, table: string, collation?: string) {
  const types = {
    SQLite: { id: 'char(32)', bool: 'bool', instant: 'datetime' },
    PGlite: { id: 'uuid', bool: 'boolean', instant: 'timestamp with time zone' },
    PostgreSQL: { id: 'uuid', bool: 'boolean', instant: 'timestamp with time zone' },
    MariaDB: { id: 'char(36)', bool: 'bool', instant: 'datetime(6)' },
  }[name];
  const [id, bool, instant] = [sql.raw(types.id), sql.raw(types.bool), sql.raw(types.instant)];
  const end = sql.raw(collation === undefined ? '' : `collate ${collation}`);
  await sql`
    create table ${sql.table(table)} (
      id ${id} not null primary key,
      password varchar(128) not null,
      sub varchar(255) null unique,
      email varchar(254) null,
      full_name varchar(100) null,
      short_name varchar(100) null,
      language varchar(10) not null,
      is_staff ${bool} not null,
      is_active ${bool} not null,
      created_at ${instant} not null,
      updated_at ${instant} not null
    ) ${end}`.execute(db);
}

let tables = 0;

for (const [name, url] of [...sharedDatabases(), ['PGlite', ''] as const]) {
  const db = await openDatabase(name, url);
  afterAll(async () => {
    await db.destroy();
    removeDatabase(name, url);
  });
  const instant = name === 'MariaDB' ? sql`utc_timestamp(6)` : sql`current_timestamp`;

  async function opened(collation = name === 'MariaDB' ? 'utf8mb4_bin' : undefined) {
    const table = `core_user_${process.pid}_${++tables}`;
    await createTable(db, name, table, collation);
    return {
      table,
      store: new KyselyUserStore<DjangoUser>(db, { ...OPTIONS, table }),
      oneIssuer: true,
      addUnlinked: async (email: string) => {
        const values = {
          id: randomUUID(),
          password: '!',
          email,
          language: 'en-us',
          is_staff: 0,
          is_active: 1,
        };
        await db
          .insertInto(table)
          .values({ ...values, created_at: instant, updated_at: instant })
          .execute();
      },
      disable: async ({ id }: DjangoUser) => {
        await db.updateTable(table).set({ is_active: 0 }).where('id', '=', id).execute();
      },
      remove: async ({ id }: DjangoUser) => {
        await db.deleteFrom(table).where('id', '=', id).execute();
      },
      profileOf: ({ email, full_name, short_name }: DjangoUser) => ({
        email,
        fullName: full_name,
        shortName: short_name,
      }),
      close: () => db.schema.dropTable(table).execute(),
    };
  }

  const suite = (what: string, body: () => void) =>
    describe(`KyselyUserStore on a table of Django's in ${name}: ${what}`, body);
  await userStoreContract<DjangoUser>({ describe: suite, it }, () => opened());

  suite('columns', () => {
    it('writes further columns from claims, booleans too, and none of its own (U7, U10)', async () => {
      const { store, close } = await opened();
      const user = await store.create(ISSUER, 'alice', { claims: { locale: 'fr', roles: ['staff'] } });
      expect(user).toMatchObject({ sub: 'alice', language: 'fr-fr' });
      expect([Number(user.is_staff), Number(user.is_active)]).toEqual([1, 1]);
      const updated = await store.update(user, { claims: { locale: 'en' } });
      expect(updated).toMatchObject({ sub: 'alice', language: 'en-us', id: user.id });
      expect([Number(updated.is_staff), Number(updated.is_active)]).toEqual([0, 1]);
      await close();
    });

    // SQLite's columns hold whatever they are given.
    if (name !== 'SQLite')
      it('makes nobody of what a column cannot hold', async () => {
        const { store, close } = await opened();
        const profile = { claims: {}, fullName: 'x'.repeat(101) };
        await expect(store.create(ISSUER, 'alice', profile)).rejects.toThrow();
        expect(await store.findBySubject(ISSUER, 'alice')).toBeUndefined();
        await close();
      });

    it('reads and writes what the database takes for now', async () => {
      const { store, table, addUnlinked, close } = await opened();
      await addUnlinked('alice@example.com');
      const row = (await db.selectFrom(table).selectAll().executeTakeFirstOrThrow()) as DjangoUser;
      // The driver of MariaDB applies a time zone; `utc_timestamp` has none.
      const offset = name === 'MariaDB' ? new Date().getTimezoneOffset() * 60_000 : 0;
      const theirs = store.updatedAt(row) - offset;
      expect(Math.abs(Date.now() - theirs)).toBeLessThan(5000);
      const ours = store.updatedAt(await store.create(ISSUER, 'bob', { claims: {} }));
      expect(Math.abs(Date.now() - ours)).toBeLessThan(2000);
      await close();
    });

    if (name === 'MariaDB')
      it('takes nobody for somebody else where the collation does (I11)', async () => {
        const { store, addUnlinked, close } = await opened('utf8mb4_general_ci');
        await store.create(ISSUER, 'alice', { claims: {} });
        for (const subject of ['Alice', 'alic\u00e9', 'ALICE']) {
          expect(await store.findBySubject(ISSUER, subject)).toBeUndefined();
          await expect(store.create(ISSUER, subject, { claims: {} })).rejects.toThrow(/is not in/);
        }
        await addUnlinked('bob@example.com');
        for (const email of ['Bob@example.com', 'b\u00f6b@example.com']) {
          expect(await store.linkByVerifiedEmail(ISSUER, 'mallory', email)).toBeUndefined();
        }
        expect(await store.linkByVerifiedEmail(ISSUER, 'bob', 'bob@example.com')).toMatchObject({
          sub: 'bob',
        });
        await close();
      });
  });
}
