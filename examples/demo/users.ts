import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { KyselyUserStore, migrateUsers, type UserRow } from 'oidc-resource-server/kysely';

/** The users of the demonstration, in an SQLite file that is deleted at the end. */
export interface Users {
  readonly store: KyselyUserStore;
  disable(subject: string): Promise<void>;
  close(): Promise<void>;
}

/** Makes the table, and a user for each of the names. */
export async function startUsers(issuer: string, names: Record<string, string>): Promise<Users> {
  const directory = mkdtempSync(join(tmpdir(), 'oidc-resource-server-demo-'));
  const database = new Database(join(directory, 'users.sqlite'));
  const db = new Kysely<{ users: UserRow }>({ dialect: new SqliteDialect({ database }) });
  await migrateUsers(db);
  const store = new KyselyUserStore(db);
  for (const [subject, fullName] of Object.entries(names)) {
    await store.create(issuer, subject, { fullName, claims: {} });
  }
  return {
    store,
    disable: async (subject) => {
      await db.updateTable('users').set({ active: 0 }).where('subject', '=', subject).execute();
    },
    close: async () => {
      await db.destroy();
      rmSync(directory, { recursive: true });
    },
  };
}
