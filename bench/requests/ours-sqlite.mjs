// oidc-resource-server with the users in a table of SQLite, in a file, by its own store.
import { Kysely, SqliteDialect } from 'kysely';
import { KyselyUserStore, migrateUsers, withPreparedStatements } from 'oidc-resource-server/kysely';
import { openDatabase } from './database.mjs';
import { guardWith } from './ours.mjs';
import { USERS } from './scenario.mjs';

export async function guardOf(mode, surroundings, framework) {
  const database = await openDatabase();
  const sqlite = withPreparedStatements(database);
  const db = new Kysely({ dialect: new SqliteDialect({ database: sqlite }) });
  await migrateUsers(db);
  const store = new KyselyUserStore(db, { sqlite });
  database.exec('begin');
  for (let i = 0; i < USERS; i += 1) {
    await store.create(surroundings.url, `user-${i}`, { fullName: `User ${i}`, claims: {} });
  }
  database.exec('commit');
  const { userOf, ...guarded } = await guardWith(store, mode, surroundings, framework);
  return { ...guarded, userOf: (request) => ({ name: userOf(request).full_name }) };
}
