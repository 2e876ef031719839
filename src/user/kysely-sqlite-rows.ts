import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { PreparedSqlite } from './kysely-statements.ts';

type AnyRow = Record<string, unknown>;
type First = ReturnType<PreparedSqlite['first']>;

/** Looks a row of a table in SQLite up by its key, without a promise. */
export class SqliteRows {
  readonly #db: Kysely<Record<string, AnyRow>>;
  readonly #sqlite: PreparedSqlite;
  readonly #table: string;
  readonly #key: readonly string[];
  #others: readonly string[] = [];
  #first: First | undefined;

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
    const values = this.#values(key);
    if (values === undefined || values === null) return values;
    const row: AnyRow = {};
    let i = 0;
    for (const name of this.#key) row[name] = key[i++];
    i = 0;
    for (const name of this.#others) row[name] = values[i++];
    return row;
  }

  #values(key: readonly string[]): ReturnType<First> {
    try {
      return (this.#first ??= this.#prepare())?.(key);
    } catch {
      // A column may have gone, or have got another name, since the table was asked for them.
      this.#first = this.#prepare();
      return this.#first?.(key);
    }
  }

  /**
   * The columns are named, since the order of those of `*` may change while the statement lives. The key is not among them: what is
   * found has the very bytes that were looked for, and is the only one.
   */
  #prepare(): First | undefined {
    const kept = this.#sqlite.first(this.#compile(this.#uniqueTexts()))([]);
    if (kept === undefined) return undefined;
    if (kept === null) return () => undefined;
    const table = sql.table(this.#table);
    const columns = this.#sqlite.columns(this.#compile(sql`select * from ${table}`));
    this.#others = columns.filter((name) => !this.#key.includes(name));
    const named = (this.#others.length === 0 ? this.#key : this.#others).map((name) => sql.ref(name));
    const conditions = this.#key.map((name) => sql`${sql.ref(name)} = ${''} collate binary`);
    return this.#sqlite.first(
      this.#compile(sql`select ${sql.join(named)} from ${table} where ${sql.join(conditions, sql` and `)}`),
    );
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

  #compile(query: RawBuilder<unknown>): string {
    return query.compile(this.#db).sql;
  }
}
