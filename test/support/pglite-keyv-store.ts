import type { PGlite } from '@electric-sql/pglite';

/** A storage adapter for Keyv in PostgreSQL, as people write them: with a table, and without `getMany`. */
export class PGliteKeyvStore {
  readonly opts = { dialect: 'postgres', url: 'postgres://pglite' };
  namespace: string | undefined;
  readonly #database: PGlite;

  constructor(database: PGlite) {
    this.#database = database;
  }

  async get(key: string): Promise<string | undefined> {
    const { rows } = await this.#database.query<{ value: string }>('select value from kept where key = $1', [
      key,
    ]);
    return rows[0]?.value;
  }

  async set(key: string, value: string): Promise<void> {
    await this.#database.query(
      'insert into kept values ($1, $2) on conflict (key) do update set value = excluded.value',
      [key, value],
    );
  }

  async delete(key: string): Promise<boolean> {
    const { affectedRows } = await this.#database.query('delete from kept where key = $1', [key]);
    return affectedRows === 1;
  }

  async clear(): Promise<void> {
    await this.#database.exec(
      'create table if not exists kept (key text primary key, value text not null); delete from kept',
    );
  }

  on(): this {
    return this;
  }
}
