import { existsSync } from 'node:fs';
import type { KyselyUserStore, PreparedSqlite } from '../user/kysely-user-store.ts';
import { UsageError } from './exit-code.ts';

/** The users' database that `--database` names. */
export interface UserDatabase {
  readonly store: KyselyUserStore;
  /** Creates the table where it is missing. */
  migrate(): Promise<void>;
  /** Rejects while the database cannot be reached, or has no table of users as it should be. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

const POSTGRES = /^postgres(ql)?:\/\//;

/**
 * Opens a users' database: an SQLite file, which must exist unless it may be created, or a PostgreSQL URL.
 *
 * PostgreSQL is not asked before it is needed.
 *
 * @throws UsageError when it cannot be opened, or a package for it is missing
 */
export async function openUserDatabase(
  database: string,
  { create = false, timeoutMs = 5000 }: { create?: boolean; timeoutMs?: number } = {},
): Promise<UserDatabase> {
  const postgres = POSTGRES.test(database);
  if (!postgres && /^[a-z][a-z0-9+.-]+:\/\//i.test(database)) {
    throw new UsageError('--database is neither an SQLite file nor a postgres:// URL.');
  }
  const { db, sqlite } = postgres
    ? await openPostgres(database, timeoutMs)
    : await openSqlite(database, create);
  const { KyselyUserStore, migrateUsers } = await import('../user/kysely-user-store.ts');
  const store = new KyselyUserStore(db, { ...(sqlite !== undefined && { sqlite }) });
  return {
    store,
    migrate: () => migrateUsers(db),
    ping: async () => {
      await store.findBySubject('https://oidc-rs.invalid', 'oidc-rs');
    },
    close: () => db.destroy(),
  };
}

interface Opened {
  readonly db: ConstructorParameters<typeof KyselyUserStore>[0];
  readonly sqlite?: PreparedSqlite;
}

async function openPostgres(url: string, timeoutMs: number): Promise<Opened> {
  const { Kysely, PostgresDialect } = await peer('kysely', () => import('kysely'));
  const { default: pg } = await peer('pg', () => import('pg'));
  let pool;
  try {
    pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: timeoutMs });
  } catch {
    // The driver's message would quote the URL, which holds a password.
    throw new UsageError('--database is not a postgres:// URL that can be read.');
  }
  // A connection that breaks while nobody uses it must not end the process; who uses the next one is told.
  pool.on('error', () => undefined);
  return { db: new Kysely({ dialect: new PostgresDialect({ pool }) }) };
}

async function openSqlite(file: string, create: boolean): Promise<Opened> {
  const { Kysely, SqliteDialect } = await peer('kysely', () => import('kysely'));
  const { default: Database } = await peer('libsql', () => import('libsql'));
  const { withPreparedStatements } = await import('../user/kysely-statements.ts');
  // The driver would make a file of its own, and a slip in the path would go unseen.
  if (!create && !existsSync(file)) throw new UsageError(`--database: there is no file ${file}.`);
  try {
    const sqlite = withPreparedStatements(new Database(file));
    return { db: new Kysely({ dialect: new SqliteDialect({ database: sqlite }) }), sqlite };
  } catch {
    throw new UsageError(`--database: ${file} cannot be opened as an SQLite file.`);
  }
}

async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch {
    throw new UsageError(`--database needs the package "${name}": npm install ${name}`);
  }
}
