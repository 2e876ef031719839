import { MysqlAdapter, PostgresAdapter, SqliteAdapter } from 'kysely';
import { isPlainText, isWellFormed } from '../claims.ts';

/** The databases that `KyselyUserStore` knows. MariaDB is `mysql`. */
export type Dialect = 'sqlite' | 'postgres' | 'mysql';

/** What a column can be given. Booleans are written as 1 and 0, which every kind of column takes. */
export type ColumnValue = string | number | boolean | null;

/** Which database a Kysely instance speaks to, by its adapter. */
export function dialectOf(db: { getExecutor(): { adapter: unknown } }): Dialect {
  const { adapter } = db.getExecutor();
  if (adapter instanceof SqliteAdapter) return 'sqlite';
  if (adapter instanceof PostgresAdapter) return 'postgres';
  if (adapter instanceof MysqlAdapter) return 'mysql';
  throw new TypeError(
    'This Kysely dialect is none that KyselyUserStore knows by itself: pass the option "dialect" as "sqlite", "postgres" or "mysql".',
  );
}

const MAX_LENGTH = 255;

/** A text of somebody's profile, as it is kept: what no database keeps as it is, or a column may cut, is not kept at all. */
export function profileText(value: string | undefined): string | undefined {
  if (value === undefined || value === '' || value.length > MAX_LENGTH) return undefined;
  return isPlainText(value) ? value : undefined;
}

/**
 * A value as it is bound. Drivers differ in what they do with others: `libsql` ends the process on a boolean, keeps half
 * a surrogate pair as U+FFFD, and cuts text at NUL; PostgreSQL refuses NUL. Such text becomes NULL.
 */
export function bound(value: ColumnValue | undefined): string | number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string') {
    throw new TypeError(`A column takes a string, a number, a boolean or null, not ${typeof value}.`);
  }
  return isWellFormed(value) && !value.includes('\0') ? value : null;
}

/** Whether a column already holds a value, whatever type its driver gives it back as. */
export function holds(column: unknown, value: string | number | null): boolean {
  if (column === value) return true;
  if (value === null) return false;
  if (typeof column === 'boolean') return Number(column) === value;
  // An integer may come back as text. A date, or JSON, is written again.
  return (typeof column === 'string' || typeof column === 'bigint') && String(column) === String(value);
}

/** Whether a column says yes: drivers give back 1, `true` or `'1'`. */
export function isTrue(column: unknown): boolean {
  return column === true || column === 1 || column === '1' || column === 1n;
}

/** Reads an instant: ms since the epoch in any of the types that drivers give, a `Date`, or a date as text (UTC unless it says otherwise). 0: none. */
export function readInstant(column: unknown): number {
  if (column instanceof Date) return column.getTime() || 0;
  if (typeof column === 'number' || typeof column === 'bigint') return Number(column);
  if (typeof column !== 'string') return 0;
  if (/^\d+$/.test(column)) return Number(column);
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(column);
  return Date.parse(zoned ? column : `${column.replace(' ', 'T')}Z`) || 0;
}

/** An instant as it is bound to a column of dates. */
export function dateValue(ms: number, dialect: Dialect): string | Date {
  const date = new Date(ms);
  // The driver of MySQL applies the time zone of its connection, both ways.
  if (dialect === 'mysql') return date;
  // SQLite has no dates; this is the text that Django and SQLite's own functions write.
  return dialect === 'postgres' ? date.toISOString() : date.toISOString().replace('T', ' ').slice(0, -1);
}

/** Whether a write failed because the database has such a row already. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === '23505' || code === 'ER_DUP_ENTRY') return true;
  // better-sqlite3 and libsql name what was violated, node:sqlite only in the message.
  return /^(SQLITE_CONSTRAINT|ERR_SQLITE_ERROR$)/.test(String(code)) && String(message).includes('UNIQUE');
}
