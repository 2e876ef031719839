import type { SqliteDatabase, SqliteStatement } from 'kysely';

const MAX_STATEMENTS = 100;

/**
 * Has SQLite prepare each query once, and not for each request: hand the result to `SqliteDialect` in place of the database.
 *
 * For better-sqlite3, libsql and whatever else `SqliteDialect` takes. A hundred statements are kept; the
 * database itself is left as it is.
 *
 * @example
 * {@includeCode ../../examples/kysely-sqlite.ts}
 */
export function withPreparedStatements(database: SqliteDatabase): SqliteDatabase {
  const kept = new Map<string, SqliteStatement>();
  return {
    prepare(sql) {
      const known = kept.get(sql);
      if (known !== undefined) return known;
      const statement = database.prepare(sql);
      const [oldest] = kept.size >= MAX_STATEMENTS ? kept.keys() : [];
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(sql, statement);
      return statement;
    },
    close() {
      kept.clear();
      database.close();
    },
  };
}
