import { type CompiledQuery, type ExpressionBuilder, type Kysely } from 'kysely';
import { type Claims, isIdentifier } from '../claims.ts';
import { InvalidTokenError } from '../errors.ts';
import {
  bound,
  type ColumnValue,
  dateValue,
  type Dialect,
  dialectOf,
  holds,
  isTrue,
  isUniqueViolation,
  profileText,
  readInstant,
} from './kysely-values.ts';
import type { UserProfile, UserStore } from './user-store.ts';

export { migrateUsers, type MigrateUsersOptions } from './kysely-migration.ts';
export type { ColumnValue, Dialect };

/** A row of the table that `migrateUsers` creates. */
export interface UserRow {
  readonly id: number;
  /** `null`, like the subject, for somebody who waits to be linked by e-mail. */
  readonly issuer: string | null;
  readonly subject: string | null;
  readonly email: string | null;
  readonly full_name: string | null;
  readonly short_name: string | null;
  /** 1 or 0. */
  readonly active: number;
  /** In ms since the epoch; drivers of PostgreSQL give it as text. */
  readonly created_at: number | string;
  readonly updated_at: number | string;
}

/** The names of the columns; `false` where the table has none. */
export interface UserColumns {
  /** `false`: the subject alone is the key, so let one issuer only fill the table. Default: `issuer`. */
  readonly issuer: string | false;
  /** A text column. With the issuer it needs a unique index. Default: `subject`. */
  readonly subject: string;
  /** Default: `email`. */
  readonly email: string | false;
  /** Default: `full_name`. */
  readonly fullName: string | false;
  /** Default: `short_name`. */
  readonly shortName: string | false;
  /** A column of booleans, or of 1 and 0. `false`: nobody is ever locked out. Default: `active`. */
  readonly active: string | false;
  /** Default: `created_at`. */
  readonly createdAt: string | false;
  /** `false`: the store cannot say how old a user is, so `OIDC_RS_USERINFO_MAX_AGE` has to be 0. Default: `updated_at`. */
  readonly updatedAt: string | false;
}

/** How the table looks. Without any, it is the one that `migrateUsers` creates. */
export interface KyselyUserStoreOptions {
  /** Default: `users`. */
  readonly table?: string;
  readonly columns?: Partial<UserColumns>;
  /** What the columns of instants hold: ms since the epoch, or dates with a time. Default: `number`. */
  readonly instants?: 'number' | 'date';
  /** Further columns that follow the claims, written when a user is created, and when they have changed. */
  readonly extra?: (claims: Claims) => Readonly<Record<string, ColumnValue>>;
  /** Further columns that a new row needs and that are never written again, such as a random id. */
  readonly initial?: (claims: Claims) => Readonly<Record<string, ColumnValue>>;
  /** Default: found by the Kysely instance. */
  readonly dialect?: Dialect;
}

const COLUMNS: UserColumns = {
  issuer: 'issuer',
  subject: 'subject',
  email: 'email',
  fullName: 'full_name',
  shortName: 'short_name',
  active: 'active',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};

type AnyRow = Record<string, unknown>;
type Tables = Record<string, AnyRow>;
type Conditions = ExpressionBuilder<Tables, string>;

/**
 * Users in a table of any SQL database: SQLite, PostgreSQL, MySQL or MariaDB, through the application's own Kysely
 * instance. A request costs one indexed read. Users are the whole rows, as `Row`.
 */
export class KyselyUserStore<Row extends object = UserRow> implements UserStore<Row> {
  readonly #db: Kysely<Tables>;
  readonly #dialect: Dialect;
  readonly #columns: UserColumns;
  readonly #options: KyselyUserStoreOptions;
  readonly #table: string;
  readonly #bySubject: CompiledQuery<AnyRow>;

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever tables the application has
  constructor(db: Kysely<any>, options: KyselyUserStoreOptions = {}) {
    this.#db = db as Kysely<Tables>;
    this.#dialect = options.dialect ?? dialectOf(db);
    this.#columns = { ...COLUMNS, ...options.columns };
    this.#options = options;
    this.#table = options.table ?? 'users';
    this.#bySubject = this.#db
      .selectFrom(this.#table)
      .selectAll()
      .where((eb) => this.#isKey(eb, 'issuer', 'subject'))
      .compile();
    // What the table has no column for, the store cannot do; the settings that need it say so at the start.
    if (this.#columns.email === false) withhold(this, 'linkByVerifiedEmail');
    if (this.#columns.updatedAt === false) withhold(this, 'updatedAt');
  }

  async findBySubject(issuer: string, subject: string): Promise<Row | undefined> {
    if (!isIdentifier(issuer) || !isIdentifier(subject)) return undefined;
    const { issuer: issuerColumn, subject: subjectColumn } = this.#columns;
    const parameters = issuerColumn === false ? [subject] : [issuer, subject];
    const { rows } = await this.#db.executeQuery<AnyRow>({ ...this.#bySubject, parameters });
    // Whatever the database takes for equal, only the same bytes are the same person.
    const found = rows.filter(
      (row) => row[subjectColumn] === subject && (issuerColumn === false || row[issuerColumn] === issuer),
    );
    if (found.length > 1) throw new Error(`Two rows of "${this.#table}" have the same subject.`);
    return found[0] as Row | undefined;
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

    let conflict: unknown;
    const insert = this.#db.insertInto(this.#table).values(values);
    if (this.#dialect === 'mysql') {
      // Not "insert ignore": that would cut what is too long, and take every other problem for no problem.
      await insert.execute().catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error;
        conflict = error;
      });
    } else {
      const key = issuerColumn === false ? [subjectColumn] : [issuerColumn, subjectColumn];
      await insert.onConflict((on) => on.columns(key).doNothing()).execute();
    }
    const user = await this.findBySubject(issuer, subject);
    if (user !== undefined) return user;
    throw new Error(`The user is not in "${this.#table}" after having been created.`, { cause: conflict });
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
      const { numUpdatedRows } = await this.#db
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
        .executeTakeFirstOrThrow();
      if (numUpdatedRows !== 1n) return undefined;
    } catch (error) {
      // Somebody has that subject already.
      if (isUniqueViolation(error)) return undefined;
      throw error;
    }
    return this.findBySubject(issuer, subject);
  }

  isActive(user: Row): boolean {
    return this.#columns.active === false || isTrue((user as AnyRow)[this.#columns.active]);
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
