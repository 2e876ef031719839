import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { PreparedSqlite } from './kysely-statements.ts';

type AnyRow = Record<string, unknown>;
type First = NonNullable<ReturnType<PreparedSqlite['first']>>;

/** A statement, and the names of the key and of what it gets. Together, so that neither is ever used with another one. */
interface Prepared {
  readonly first: First;
  readonly names: readonly string[];
}

const NOTHING_AT_ONCE: Prepared = { first: () => undefined, names: [] };

/** Looks a row of a table in SQLite up by its key, without a promise. */
export class SqliteRows {
  readonly #db: Kysely<Record<string, AnyRow>>;
  readonly #sqlite: PreparedSqlite;
  readonly #table: string;
  readonly #key: readonly string[];
  #prepared: Prepared | undefined;

  constructor(
    db: Kysely<Record<string, AnyRow>>,
    sqlite: PreparedSqlite,
    table: string,
    key: readonly string[],
  ) {
    this.#db = db;
    this.#sqlite = sqlite;
    this.#table = table;
    this.#key = key;
  }

  /** `null`: there is none. `undefined`: this cannot be said at once. */
  find(key: readonly string[]): AnyRow | null | undefined {
    try {
      this.#prepared ??= this.#prepare();
      return this.#row(this.#prepared, key);
    } catch {
      // A column may have gone, or have got another name, since the table was asked for them.
      this.#prepared = undefined;
      this.#prepared = this.#prepare();
      return this.#row(this.#prepared, key);
    }
  }

  #row(prepared: Prepared | undefined, key: readonly string[]): AnyRow | null | undefined {
    if (prepared === undefined) return undefined;
    const values = prepared.first(key);
    if (values === undefined || values === null) return values;
    return rowOf(prepared.names, [...key, ...values]);
  }

  /**
   * The columns are named, since the order of those of `*` may change while the statement lives, and with the table before them: a
   * name in quotes that no column has may be a text to SQLite. The key is not among them: what is found has the very bytes that were
   * looked for, and is the only one. `undefined`: this cannot be said yet.
   */
  #prepare(): Prepared | undefined {
    const isUnique = this.#first(this.#uniqueTexts());
    if (isUnique === undefined) return NOTHING_AT_ONCE;
    const found = isUnique([]);
    if (found === undefined) return undefined;
    if (found === null) return NOTHING_AT_ONCE;
    const table = sql.table(this.#table);
    const columns = this.#sqlite.columns(this.#compile(sql`select * from ${table}`));
    const others = columns.filter((name) => !this.#key.includes(name));
    const selected = (others.length === 0 ? this.#key : others).map((name) => sql`one.${sql.id(name)}`);
    const conditions = this.#key.map((name) => sql`one.${sql.id(name)} = ${''} collate binary`);
    const first = this.#first(
      sql`select ${sql.join(selected)} from ${table} as one where ${sql.join(conditions, sql` and `)}`,
    );
    return first && { first, names: [...this.#key, ...others] };
  }

  /** A row where the key is of texts, and an index keeps two rows from having the same bytes there. */
  #uniqueTexts(): RawBuilder<unknown> {
    const [table, schema] = this.#table.split('.').toReversed();
    const inSchema = schema === undefined ? sql`` : sql`, ${sql.lit(schema)}`;
    const names = sql.join(this.#key.map((name) => sql.lit(name)));
    const count = sql.lit(this.#key.length);
    return sql`
      select 1 from pragma_index_list(${sql.lit(table)}${inSchema}) as "index"
      where "unique" and not partial
        and ${count} = (
          select count(*) from pragma_index_xinfo("index".name${inSchema}) where key)
        and ${count} = (
          select count(*) from pragma_index_xinfo("index".name${inSchema})
          where key and coll like 'binary' and name in (${names}))
        and ${count} = (
          select count(*) from pragma_table_info(${sql.lit(table)}${inSchema})
          where name in (${names}) and type not like '%int%'
            and (type like '%char%' or type like '%text%' or type like '%clob%'))`;
  }

  #first(query: RawBuilder<unknown>): First | undefined {
    return this.#sqlite.first(this.#compile(query));
  }

  #compile(query: RawBuilder<unknown>): string {
    return query.compile(this.#db).sql;
  }
}

/**
 * Makes an object of names and their values. The first are written out: V8 knows the one name that each place in the code has to do
 * with, and looks the names of a loop up each time, which takes four times as long.
 */
function rowOf(names: readonly string[], values: readonly unknown[]): AnyRow {
  const row: AnyRow = {};
  const { length } = names;
  if (length > 0) row[names[0] as string] = values[0];
  if (length > 1) row[names[1] as string] = values[1];
  if (length > 2) row[names[2] as string] = values[2];
  if (length > 3) row[names[3] as string] = values[3];
  if (length > 4) row[names[4] as string] = values[4];
  if (length > 5) row[names[5] as string] = values[5];
  if (length > 6) row[names[6] as string] = values[6];
  if (length > 7) row[names[7] as string] = values[7];
  if (length > 8) row[names[8] as string] = values[8];
  if (length > 9) row[names[9] as string] = values[9];
  for (let i = 10; i < length; i += 1) row[names[i] as string] = values[i];
  return row;
}
