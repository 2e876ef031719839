import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { createPool } from 'mysql2';
import pg from 'pg';
import { pgliteDialect } from './pglite-dialect.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests make tables of all kinds
export type AnyDatabase = Kysely<any>;
export type DatabaseName = 'SQLite' | 'PGlite' | 'PostgreSQL' | 'MariaDB';

/** The databases that other processes can open too, with their URLs; those of servers only where the environment names them. */
export function sharedDatabases(): [name: DatabaseName, url: string][] {
  const { CI, POSTGRES_URL, MYSQL_URL } = process.env;
  if (CI !== undefined && (POSTGRES_URL === undefined || MYSQL_URL === undefined)) {
    throw new Error('CI has to set POSTGRES_URL and MYSQL_URL: scripts/databases.sh starts both.');
  }
  return [
    ['SQLite', join(mkdtempSync(join(tmpdir(), 'users-')), 'users.db')],
    ...(POSTGRES_URL === undefined ? [] : [['PostgreSQL', POSTGRES_URL] as [DatabaseName, string]]),
    ...(MYSQL_URL === undefined ? [] : [['MariaDB', MYSQL_URL] as [DatabaseName, string]]),
  ];
}

/** Deletes what `sharedDatabases` made. */
export function removeDatabase(name: DatabaseName, url: string): void {
  if (name === 'SQLite') rmSync(join(url, '..'), { recursive: true });
}

/** Opens a database by its name and URL. */
export async function openDatabase(name: DatabaseName, url: string): Promise<AnyDatabase> {
  switch (name) {
    case 'SQLite': {
      const database = new Database(url);
      // In this order: the change to WAL may have to wait for another process too.
      database.exec('pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = normal');
      return new Kysely({ dialect: new SqliteDialect({ database }) });
    }
    case 'PGlite': {
      // Loaded when needed: it takes a while.
      const { PGlite } = await import('@electric-sql/pglite');
      return new Kysely({ dialect: pgliteDialect(await PGlite.create()) });
    }
    case 'PostgreSQL':
      return new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });
    case 'MariaDB':
      return new Kysely({ dialect: new MysqlDialect({ pool: createPool(url) }) });
  }
}
