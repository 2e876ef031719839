import type { Claims } from '../claims.ts';
import type { PreparedSqlite } from './kysely-statements.ts';
import type { ColumnValue, Dialect } from './kysely-values.ts';

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
  /**
   * What `withPreparedStatements` made of the SQLite database of the Kysely instance: users are then looked up in it at once,
   * since there is nothing to wait for, with the columns that the table had at the first look-up. While a transaction is open, where
   * Kysely has plugins, and where the key has no unique index of its own or is not of texts, they are looked up through Kysely as
   * ever; its `log` sees only those. Default: always through Kysely.
   */
  readonly sqlite?: PreparedSqlite;
}

/** The columns of that table. */
export const DEFAULT_COLUMNS: UserColumns = {
  issuer: 'issuer',
  subject: 'subject',
  email: 'email',
  fullName: 'full_name',
  shortName: 'short_name',
  active: 'active',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};
