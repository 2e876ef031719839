import { openUserDatabase } from '../user-database.ts';
import { type Check, fail, pass, skip } from './check.ts';
import { explain } from './explain.ts';

/** Whether the users' database can be reached and has its table. */
export const users: Check = {
  name: 'users',
  async run({ flags, reading }) {
    if (flags.database === undefined)
      return [skip('Say --database <file or url> to see whether the users can be found.')];
    const timeoutMs = reading.settings.OIDC_TIMEOUT * 1000;
    const database = await openUserDatabase(flags.database, { timeoutMs });
    try {
      await database.ping();
      return [pass('The database is reached and has a table of users.')];
    } catch (error) {
      const { code } = error as { code?: unknown };
      const missing =
        code === '42P01' || code === '42703' || /no such (table|column)/.test((error as Error).message);
      return [
        missing
          ? fail(
              'The database is reached, and its table "users" is missing or of another form.',
              'Create it: await migrateUsers(db), or oidc-rs serve --users create.',
            )
          : fail(
              `The database cannot be asked: ${explain(error)}.`,
              'Check that it runs, and the address, user name and password in --database.',
            ),
      ];
    } finally {
      await database.close();
    }
  },
};
