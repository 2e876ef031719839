import { Deadline } from '../../backend/deadline.ts';
import { readSettings } from '../../settings.ts';
import { importModules, readEnvironment, type SettingsFlags } from '../environment.ts';
import type { Terminal } from '../terminal.ts';
import { cacheSettings } from './cache.ts';
import { createAnswerer } from './answerer.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import { readHeaderNames } from './identity-headers.ts';
import { type JsonLog, jsonLog } from './json-log.ts';
import { openResourceServer } from './open-resource-server.ts';
import { readPolicies } from './policies.ts';
import { createReadiness } from './readiness.ts';
import { openUsers, type UsersMode } from './users.ts';

/** What `oidc-rs serve` takes. */
export interface ServeFlags extends SettingsFlags {
  readonly port: number;
  readonly host: string;
  readonly users: UsersMode;
  readonly database?: string;
  readonly unverifiedEmail?: boolean;
  readonly policies?: string;
  readonly header?: readonly string[];
  /** The URL of a Redis or Valkey that keeps claims for all processes. */
  readonly cache?: string;
  readonly drainSeconds: number;
}

/** A forward-authentication server that listens. */
export interface ForwardAuth {
  readonly server: HttpServer;
  readonly log: JsonLog;
  /** Closes the connections to the authorization server and to the database; after `server.drain`. */
  readonly close: () => Promise<void>;
}

const MIGRATION_MS = 30_000;

/**
 * Reads everything, opens everything, and listens.
 *
 * @throws UsageError, ConfigurationError when the command line, a file or the settings are wrong
 * @throws UserStoreError when the table of users cannot be made
 */
export async function startForwardAuth(flags: ServeFlags, terminal: Terminal): Promise<ForwardAuth> {
  const env = readEnvironment(terminal, flags.envFile);
  await importModules(flags.import);
  const headerNames = readHeaderNames(flags.header);
  const policies = readPolicies(flags.policies);
  const { host, port, unverifiedEmail = false } = flags;
  const reading = readSettings({ env });
  const timeoutMs = reading.settings.OIDC_TIMEOUT * 1000;
  const log = jsonLog((line) => {
    terminal.out(line);
  });

  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const users = await openUsers(flags.users, flags.database, { unverifiedEmail, timeoutMs });
    const { database, settings, store: userStore } = users;
    if (database !== undefined) closers.push(() => database.close());
    const { resourceServer, backend, claimsCache } = await openResourceServer({
      env,
      settings: { ...settings, ...cacheSettings(flags.cache, reading) },
      userStore,
      logger: log,
    });
    closers.push(() => resourceServer.close());
    // After the settings: nothing is made in a database while they are wrong.
    if (flags.users === 'create') await new Deadline(MIGRATION_MS).within(async () => database?.migrate());
    const readiness = createReadiness({
      backend,
      pingUsers: database?.ping.bind(database),
      pingCache: claimsCache?.ping?.bind(claimsCache),
      timeoutMs,
    });
    const answer = createAnswerer({ resourceServer, policies, headerNames, unverifiedEmail, readiness });
    const server = await startHttpServer({ host, port, answer, log });
    const { url } = server;
    log.write(
      'info',
      { event: 'serve.listening', url, users: flags.users, policies: [...policies.keys()] },
      `Listening on ${url}`,
    );
    return { server, log, close };
  } catch (error) {
    await close();
    throw error;
  }
}
