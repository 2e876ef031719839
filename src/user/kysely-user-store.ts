/**
 * Users in a table of any SQL database, through Kysely.
 *
 * @module oidc-resource-server/kysely
 */
import { type CompiledQuery, type ExpressionBuilder, type Kysely } from 'kysely';
import type { Awaitable } from '../awaitable.ts';
import { isIdentifier } from '../claims.ts';
import { InvalidTokenError } from '../errors.ts';
import {
  DEFAULT_COLUMNS,
  type KyselyUserStoreOptions,
  type UserColumns,
  type UserRow,
} from './kysely-table.ts';
import {
  bound,
  dateValue,
  type Dialect,
  dialectOf,
  holds,
  isTrue,
  isUniqueViolation,
  profileText,
  readInstant,
} from './kysely-values.ts';
import { SqliteRows } from './kysely-sqlite-rows.ts';
import type { UserProfile, UserStore } from './user-store.ts';

export {
  type NodeSqliteDriver,
  type NodeSqliteStatement,
  type PreparedSqlite,
  type SqliteDriver,
  type SqliteRowStatement,
  withPreparedStatements,
} from './kysely-statements.ts';
export { migrateUsers, type MigrateUsersOptions } from './kysely-migration.ts';
export type { KyselyUserStoreOptions, UserColumns, UserRow } from './kysely-table.ts';
export type { ColumnValue, Dialect } from './kysely-values.ts';

type AnyRow = Record<string, unknown>;
type Tables = Record<string, AnyRow>;
type Conditions = ExpressionBuilder<Tables, string>;

/**
 * Users in a table of any SQL database: SQLite, PostgreSQL, MySQL or MariaDB, through the application's own Kysely
 * instance. A request costs one indexed read. Users are the whole rows, as `Row`.
 *
 * @example In an SQLite file
 * {@includeCode ../../examples/kysely-sqlite.ts#store}
 *
 * @example In a table that a team has already
 * {@includeCode ../../examples/kysely-django.ts#store}
 */
export class KyselyUserStore<Row extends object = UserRow> implements UserStore<Row> {
  readonly #db: Kysely<Tables>;
  readonly #dialect: Dialect;
  readonly #columns: UserColumns;
  readonly #options: KyselyUserStoreOptions;
  readonly #table: string;
  readonly #bySubject: CompiledQuery<AnyRow>;
  readonly #rows: SqliteRows | undefined;

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever tables the application has
  constructor(db: Kysely<any>, options: KyselyUserStoreOptions = {}) {
    this.#db = db as Kysely<Tables>;
    this.#dialect = options.dialect ?? dialectOf(db);
    this.#columns = { ...DEFAULT_COLUMNS, ...options.columns };
    this.#options = options;
    this.#table = options.table ?? 'users';
    this.#bySubject = this.#db
      .selectFrom(this.#table)
      .selectAll()
      .where((eb) => this.#isKey(eb, 'issuer', 'subject'))
      .compile();
    // Rows come to plugins as promises.
    if (options.sqlite !== undefined && db.getExecutor().plugins.length === 0) {
      this.#rows = new SqliteRows(this.#db, options.sqlite, this.#table, this.#key);
    }
    // What the table has no column for, the store cannot do; the settings that need it say so at the start.
    if (this.#columns.email === false) withhold(this, 'linkByVerifiedEmail');
    if (this.#columns.updatedAt === false) withhold(this, 'updatedAt');
  }

  findBySubject(issuer: string, subject: string): Awaitable<Row | undefined> {
    if (!isIdentifier(issuer) || !isIdentifier(subject)) return undefined;
    const parameters = this.#columns.issuer === false ? [subject] : [issuer, subject];
    const row = this.#rows?.find(parameters);
    if (row === undefined) return this.#inRows(parameters, issuer, subject);
    return (row ?? undefined) as Row | undefined;
  }

  async #inRows(parameters: readonly unknown[], issuer: string, subject: string): Promise<Row | undefined> {
    const { rows } = await this.#db.executeQuery<AnyRow>({ ...this.#bySubject, parameters });
    const found = rows.filter((row) => this.#isOf(row, issuer, subject));
    if (found.length > 1) throw new Error(`Two rows of "${this.#table}" have the same subject.`);
    return found[0] as Row | undefined;
  }

  /** Whatever the database takes for equal, only the same bytes are the same person. */
  #isOf(row: AnyRow, issuer: string, subject: string): boolean {
    const { issuer: issuerColumn, subject: subjectColumn } = this.#columns;
    return row[subjectColumn] === subject && (issuerColumn === false || row[issuerColumn] === issuer);
  }

  async create(issuer: string, subject: string, profile: UserProfile): Promise<Row> {
    if (!isIdentifier(issuer) || !isIdentifier(subject)) {
      throw new InvalidTokenError('subject', 'The issuer or the subject is not a usable identifier.');
    }
    const { issuer: issuerColumn, subject: subjectColumn, active, createdAt, updatedAt } = this.#columns;
    const now = Date.now();
    const values: AnyRow = {};
    for (const [name, value] of Object.entries(this.#options.initial?.(profile.claims) ?? {})) {
      values[name] = bound(value);
    }
    Object.assign(values, this.#profileValues(profile));
    if (active !== false) values[active] = 1;
    if (createdAt !== false) values[createdAt] = this.#instant(now);
    if (updatedAt !== false) values[updatedAt] = this.#instant(now);
    if (issuerColumn !== false) values[issuerColumn] = issuer;
    values[subjectColumn] = subject;

    let cause: unknown;
    const insert = this.#db.insertInto(this.#table).values(values);
    if (this.#dialect === 'mysql') {
      // Not "insert ignore", which would cut what is too long. What failed shows in whether the user is there now.
      await insert.execute().catch((error: unknown) => (cause = error));
    } else {
      await insert.onConflict((on) => on.columns(this.#key).doNothing()).execute();
    }
    const user = await this.findBySubject(issuer, subject);
    if (user !== undefined) return user;
    throw new Error(`The user is not in "${this.#table}" after having been created.`, { cause });
  }

  async update(user: Row, profile: UserProfile): Promise<Row> {
    const { issuer, subject, updatedAt } = this.#columns;
    const row = user as AnyRow;
    const key = [issuer === false ? '-' : (row[issuer] as string), row[subject] as string] as const;
    const changes: AnyRow = {};
    for (const [name, value] of Object.entries(this.#profileValues(profile))) {
      if (!holds(row[name], value)) changes[name] = value;
    }
    // Without a column that says when, every change is written over whatever is there.
    if (updatedAt !== false) changes[updatedAt] = this.#nextInstant(row);
    if (Object.keys(changes).length > 0) {
      await this.#db
        .updateTable(this.#table)
        .set(changes)
        .where((eb) => eb.and([this.#isKey(eb, ...key), this.#isUnchanged(eb, row)]))
        .execute();
    }
    const current = await this.findBySubject(...key);
    if (current === undefined) throw new InvalidTokenError('unknown_user', 'The user has just been deleted.');
    return current;
  }

  updatedAt(user: Row): number {
    return this.#columns.updatedAt === false ? 0 : readInstant((user as AnyRow)[this.#columns.updatedAt]);
  }

  async linkByVerifiedEmail(issuer: string, subject: string, email: string): Promise<Row | undefined> {
    const { email: emailColumn, issuer: issuerColumn, subject: subjectColumn, updatedAt } = this.#columns;
    if (emailColumn === false || ![issuer, subject, email].every(isIdentifier)) return undefined;
    const rows = await this.#db.selectFrom(this.#table).selectAll().where(emailColumn, '=', email).execute();
    const [row, second] = rows.filter((candidate) => candidate[emailColumn] === email);
    if (row === undefined || second !== undefined) return undefined;

    const changes: AnyRow = { [subjectColumn]: subject };
    if (issuerColumn !== false) changes[issuerColumn] = issuer;
    if (updatedAt !== false) changes[updatedAt] = this.#nextInstant(row);
    try {
      await this.#db
        .updateTable(this.#table)
        .set(changes)
        .where((eb) =>
          eb.and([
            eb(emailColumn, '=', email),
            eb.or([eb(subjectColumn, 'is', null), eb(subjectColumn, '=', '')]),
            ...(issuerColumn === false
              ? []
              : [eb.or([eb(issuerColumn, 'is', null), eb(issuerColumn, 'in', ['', issuer])])]),
          ]),
        )
        .execute();
    } catch (error) {
      // Somebody has that subject already.
      if (isUniqueViolation(error)) return undefined;
      throw error;
    }
    // Whoever was faster: if it was the same person, they are in.
    return this.findBySubject(issuer, subject);
  }

  isActive(user: Row): boolean {
    return this.#columns.active === false || isTrue((user as AnyRow)[this.#columns.active]);
  }

  get #key(): string[] {
    const { issuer, subject } = this.#columns;
    return issuer === false ? [subject] : [issuer, subject];
  }

  #isKey(eb: Conditions, issuer: string, subject: string) {
    const isSubject = eb(this.#columns.subject, '=', subject);
    return this.#columns.issuer === false
      ? isSubject
      : eb.and([eb(this.#columns.issuer, '=', issuer), isSubject]);
  }

  /** That nobody has written the row since it was read. A date is read in ms, and the database may know it better. */
  #isUnchanged(eb: Conditions, row: AnyRow) {
    const { updatedAt } = this.#columns;
    if (updatedAt === false) return eb.and([]);
    const seen = readInstant(row[updatedAt]);
    return seen === 0 ? eb(updatedAt, 'is', null) : eb(updatedAt, '<', this.#instant(seen + 1));
  }

  /** Now, and later than the row says, so that no two versions of a row have the same instant. */
  #nextInstant(row: AnyRow): number | string | Date {
    return this.#instant(Math.max(Date.now(), this.updatedAt(row as Row) + 1));
  }

  #instant(ms: number): number | string | Date {
    return this.#options.instants === 'date' ? dateValue(ms, this.#dialect) : ms;
  }

  /** What the authorization server says, as columns. The store's own columns are not `extra`'s to write. */
  #profileValues(profile: UserProfile): Record<string, string | number | null> {
    const { email, fullName, shortName, ...own } = this.#columns;
    const values: Record<string, string | number | null> = {};
    for (const [name, value] of Object.entries(this.#options.extra?.(profile.claims) ?? {})) {
      if (!Object.values(own).includes(name)) values[name] = bound(value);
    }
    for (const [column, text] of [
      [email, profileText(profile.email)],
      [fullName, profileText(profile.fullName)],
      [shortName, profileText(profile.shortName)],
    ] as const) {
      if (column !== false && text !== undefined) values[column] = text;
    }
    return values;
  }
}

function withhold(store: object, method: string): void {
  Object.defineProperty(store, method, { value: undefined });
}
