// SQLite in a file that is deleted at the end: that of Node itself, or libsql where Node has none.
import { mkdtempSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Which SQLite it is. */
export const SQLITE = isBuiltin('node:sqlite') ? 'node:sqlite' : 'libsql';

/** Opens an empty one, with `exec` and `prepare` as both have them. */
export async function openDatabase() {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const module = await import(SQLITE);
  const database = new (module.DatabaseSync ?? module.default)(join(directory, 'users.sqlite'));
  database.exec('pragma journal_mode = wal');
  return database;
}
