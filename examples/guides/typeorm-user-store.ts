// A user store on TypeORM. Any of its databases will do; here it is SQLite, by the package libsql, which has the interface
// of better-sqlite3.
import Database from 'libsql';
import { InvalidTokenError, type UserProfile, type UserStore } from 'oidc-resource-server';
import { DataSource, EntitySchema, type Repository } from 'typeorm';

// #region account
export interface Account {
  readonly id: number;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | null;
  readonly active: boolean;
}

export const accountSchema = new EntitySchema<Account>({
  name: 'account',
  columns: {
    id: { type: Number, primary: true, generated: true },
    issuer: { type: String, length: 255 },
    subject: { type: String, length: 255 },
    email: { type: String, nullable: true },
    active: { type: Boolean, default: true },
  },
  uniques: [{ columns: ['issuer', 'subject'] }], // what makes `create` atomic
});
// #endregion account

// #region store
export class TypeOrmUserStore implements UserStore<Account> {
  readonly #accounts: Repository<Account>;

  constructor(dataSource: DataSource) {
    this.#accounts = dataSource.getRepository(accountSchema);
  }

  async findBySubject(issuer: string, subject: string): Promise<Account | undefined> {
    if (!isText(subject)) return undefined;
    const found = await this.#accounts.findBy({ issuer, subject });
    // A database may find "Alice" for "alice". Only the same bytes are the same person.
    return found.find((account) => account.issuer === issuer && account.subject === subject);
  }

  async create(issuer: string, subject: string, profile: UserProfile): Promise<Account> {
    if (!isText(subject)) throw new InvalidTokenError('subject', 'No account can have this subject.');
    let cause: unknown;
    const values = { issuer, subject, email: profile.email ?? null };
    await this.#accounts.insert(values).catch((error: unknown) => (cause = error));
    const account = await this.findBySubject(issuer, subject); // ours, or that of whoever was faster
    if (account === undefined) throw new Error('The account was not created.', { cause });
    return account;
  }

  isActive(account: Account): boolean {
    return account.active;
  }
}

/** Drivers change what is not: libsql cuts text at NUL, and makes all lone surrogates the same character. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && !/[\0\p{Surrogate}]/u.test(value);
}
// #endregion store

// #region open
export async function openAccounts(file: string): Promise<DataSource> {
  const dataSource = new DataSource({
    type: 'better-sqlite3',
    driver: Database,
    database: file,
    entities: [accountSchema],
    synchronize: true, // makes the table; use a migration in production
  });
  await dataSource.initialize();
  await dataSource.query('PRAGMA busy_timeout = 2000'); // libsql does not wait for another process by itself
  return dataSource;
}
// #endregion open
