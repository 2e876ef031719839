// oidc-resource-server with the users in a table of SQLite, in a file, by its own store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { KyselyUserStore, migrateUsers, withPreparedStatements } from 'oidc-resource-server/kysely';
import { guardWith } from './ours.mjs';
import { USERS } from './scenario.mjs';

export async function guardOf(mode, surroundings, framework) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const database = new Database(join(directory, 'users.sqlite'));
  database.exec('pragma journal_mode = wal');
  const db = new Kysely({ dialect: new SqliteDialect({ database: withPreparedStatements(database) }) });
  await migrateUsers(db);
  const store = new KyselyUserStore(db);
  database.exec('begin');
  for (let i = 0; i < USERS; i += 1) {
    await store.create(surroundings.url, `user-${i}`, { fullName: `User ${i}`, claims: {} });
  }
  database.exec('commit');
  const { userOf, ...guarded } = await guardWith(store, mode, surroundings, framework);
  return { ...guarded, userOf: (request) => ({ name: userOf(request).full_name }) };
}
