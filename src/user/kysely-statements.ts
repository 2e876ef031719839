import type { SqliteDatabase, SqliteStatement } from 'kysely';

const MAX_STATEMENTS = 100;

/** What {@link withPreparedStatements} takes of better-sqlite3 or libsql. */
export interface SqliteDriver extends SqliteDatabase {
  /** Whether a transaction is open. */
  readonly inTransaction?: boolean;
  /** Makes a statement. */
  prepare(sql: string): SqliteStatement & Partial<SqliteRowStatement>;
}

/** What a statement of better-sqlite3 or libsql can do that Kysely does not need. */
export interface SqliteRowStatement {
  /** Has rows given as arrays. */
  raw(): unknown;
  /** The columns of its rows. */
  columns(): readonly { readonly name: string }[];
  /** The first row. */
  get(parameters: readonly unknown[]): unknown;
}

/** What {@link withPreparedStatements} takes of `node:sqlite`: a `DatabaseSync` of Node 24 and later. */
export interface NodeSqliteDriver {
  /** Whether a transaction is open. */
  readonly isTransaction: boolean;
  /** Makes a statement. */
  prepare(sql: string): NodeSqliteStatement;
  /** Closes the database. */
  close(): void;
}

/** A statement of `node:sqlite`. */
export interface NodeSqliteStatement {
  /** What it returns; nothing where it only writes. */
  columns(): readonly { readonly name: string }[];
  /** Has rows given as arrays. */
  setReturnArrays(enabled: boolean): void;
  /** The first row. */
  get(...parameters: never[]): unknown;
  /** All rows. */
  all(...parameters: never[]): unknown[];
  /** Writes. */
  run(...parameters: never[]): ReturnType<SqliteStatement['run']>;
  /** The rows one by one. */
  iterate(...parameters: never[]): IterableIterator<unknown>;
}

/** An SQLite database with prepared statements: what `SqliteDialect` takes, and the option `sqlite` of a user store. */
export interface PreparedSqlite extends SqliteDatabase {
  /** The names of the columns of a query. */
  columns(sql: string): readonly string[];
  /**
   * Makes the function that gets the values of the first row of one query of the caller's own, at once. It returns `null` where there
   * is no row, and `undefined` while a transaction is open: what is written there is not yet so, and `SqliteDialect` waits for its end.
   * There is no such function for a driver that does not say whether one is, or that gives no rows as arrays.
   */
  first(sql: string): ((parameters: readonly unknown[]) => readonly unknown[] | null | undefined) | undefined;
}

/**
 * Has SQLite prepare each query once, and not for each request: hand the result to `SqliteDialect` in place of the database,
 * and to `KyselyUserStore` as its option `sqlite`, which then looks users up without a promise.
 *
 * For better-sqlite3, libsql and whatever else `SqliteDialect` takes, and for `node:sqlite`, which it does not take by itself.
 * A hundred statements are kept; the database itself is left as it is.
 *
 * @example
 * {@includeCode ../../examples/kysely-sqlite.ts}
 * @see {@link https://nodejs.org/api/sqlite.html | Node: SQLite}
 */
export function withPreparedStatements(database: SqliteDriver | NodeSqliteDriver): PreparedSqlite {
  const driver = isNodeSqlite(database) ? driverOf(database) : database;
  const kept = new Map<string, SqliteStatement>();
  return {
    prepare(sql) {
      const known = kept.get(sql);
      if (known !== undefined) return known;
      const statement = driver.prepare(sql);
      const [oldest] = kept.size >= MAX_STATEMENTS ? kept.keys() : [];
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(sql, statement);
      return statement;
    },
    columns(sql) {
      return (driver.prepare(sql).columns?.() ?? []).map(({ name }) => name);
    },
    first(sql) {
      // Of its own: one that the application is reading from, row by row, could not be begun anew.
      const statement = driver.prepare(sql);
      // A driver that does not say may be in a transaction.
      if (driver.inTransaction === undefined || !givesArrays(statement)) return undefined;
      statement.raw();
      return (parameters) => {
        if (driver.inTransaction === true) return undefined;
        return (statement.get(parameters) ?? null) as readonly unknown[] | null;
      };
    },
    close() {
      kept.clear();
      driver.close();
    },
  };
}

function givesArrays<S extends object>(statement: S): statement is S & SqliteRowStatement {
  return 'raw' in statement && 'columns' in statement && 'get' in statement;
}

function isNodeSqlite(database: SqliteDriver | NodeSqliteDriver): database is NodeSqliteDriver {
  return 'isTransaction' in database;
}

function driverOf(database: NodeSqliteDriver): SqliteDriver {
  return {
    get inTransaction() {
      return database.isTransaction;
    },
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...(parameters as never[])),
        run: (parameters) => statement.run(...(parameters as never[])),
        iterate: (parameters) => statement.iterate(...(parameters as never[])),
        get: (parameters) => statement.get(...(parameters as never[])),
        columns: () => statement.columns(),
        raw() {
          statement.setReturnArrays(true);
        },
      };
    },
    close() {
      database.close();
    },
  };
}
