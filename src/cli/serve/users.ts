import type { SettingsInput } from '../../settings.ts';
import { ClaimsUserStore } from '../../user/claims-user-store.ts';
import type { UserStore } from '../../user/user-store.ts';
import { UsageError } from '../exit-code.ts';
import { openUserDatabase, type UserDatabase } from '../user-database.ts';
import { VerifiedEmailStore } from './verified-email-store.ts';

/** Whether there is a local user behind a token: none, one that must be there, or one that is made. */
export type UsersMode = 'none' | 'lookup' | 'create';

/** What `--users`, `--database` and `--unverified-email` come to. */
export interface Users {
  readonly store: UserStore<unknown>;
  readonly database: UserDatabase | undefined;
  /** What the mode decides, over whatever the environment says. */
  readonly settings: SettingsInput;
}

/**
 * Opens where the users are. It asks nobody yet.
 *
 * @throws UsageError when the mode and the database do not go together, or it cannot be opened
 */
export async function openUsers(
  mode: UsersMode,
  location: string | undefined,
  { unverifiedEmail, timeoutMs }: { unverifiedEmail: boolean; timeoutMs: number },
): Promise<Users> {
  if (mode === 'none') {
    if (location !== undefined) {
      throw new UsageError(
        '--database is of no use with --users none: say --users lookup, or --users create.',
      );
    }
    const settings = {
      OIDC_RS_CREATE_USER: false,
      OIDC_RS_FALLBACK_TO_EMAIL: false,
      OIDC_RS_USERINFO_MAX_AGE: 0,
    };
    return { store: new ClaimsUserStore(), database: undefined, settings };
  }
  if (location === undefined) {
    throw new UsageError(`--users ${mode} needs --database: an SQLite file, or a postgres:// URL.`);
  }
  const create = mode === 'create';
  const database = await openUserDatabase(location, { create, timeoutMs });
  return {
    store: unverifiedEmail ? database.store : new VerifiedEmailStore(database.store),
    database,
    settings: { OIDC_RS_CREATE_USER: create },
  };
}
