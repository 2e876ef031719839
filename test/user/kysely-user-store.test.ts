import { afterAll, describe, expect, it } from 'vitest';
import { KyselyUserStore, migrateUsers, type UserRow } from '../../src/user/kysely-user-store.ts';
import { userStoreContract } from '../../src/testing/index.ts';
import { openDatabase, removeDatabase, sharedDatabases } from '../support/databases.ts';

let tables = 0;
const databases = [...sharedDatabases(), ['PGlite', ''] as const];

for (const [name, url] of databases) {
  const db = await openDatabase(name, url);
  afterAll(async () => {
    await db.destroy();
    removeDatabase(name, url);
  });

  it(`creates one table from ten calls at once on ${name}`, async () => {
    for (let round = 0; round < 5; round++) {
      const table = `users_${process.pid}_${++tables}`;
      await Promise.all(Array.from({ length: 10 }, () => migrateUsers(db, { table })));
      expect(
        await new KyselyUserStore(db, { table }).findBySubject('https://auth.example.com', 'alice'),
      ).toBe(undefined);
      await db.schema.dropTable(table).execute();
    }
  });

  await userStoreContract<UserRow>(
    {
      describe: (what, body) => describe(`KyselyUserStore on ${name}: ${what}`, body),
      it,
    },
    async () => {
      const table = `users_${process.pid}_${++tables}`;
      await migrateUsers(db, { table });
      const now = Date.now();
      return {
        store: new KyselyUserStore(db, { table }),
        addUnlinked: async (email) => {
          await db.insertInto(table).values({ email, created_at: now, updated_at: now }).execute();
        },
        disable: async ({ id }) => {
          await db.updateTable(table).set({ active: 0 }).where('id', '=', id).execute();
        },
        remove: async ({ id }) => {
          await db.deleteFrom(table).where('id', '=', id).execute();
        },
        profileOf: ({ email, full_name, short_name }) => ({
          email,
          fullName: full_name,
          shortName: short_name,
        }),
        close: () => db.schema.dropTable(table).execute(),
      };
    },
  );
}
