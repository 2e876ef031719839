import { compose, refuseProblems, undiciAdapter } from '../composition.ts';
import { UnavailableError } from '../errors.ts';
import { readSettings, type SettingsReading } from '../settings.ts';
import type { Logger } from '../types.ts';
import { ClaimsUserStore } from '../user/claims-user-store.ts';
import { importModules, readEnvironment, type SettingsFlags } from './environment.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { decide, type Parts, type RouteFlags } from './introspect/decide.ts';
import { LookingUserStore } from './introspect/look-up-user.ts';
import { readToken } from './introspect/read-token.ts';
import { render, renderJson } from './introspect/render.ts';
import { RecordingHttpAdapter } from './recorded-exchanges.ts';
import type { Terminal } from './terminal.ts';
import { openUserDatabase } from './user-database.ts';

/** What `oidc-rs introspect` takes. */
export interface IntrospectFlags extends SettingsFlags, RouteFlags {
  readonly tokenFile?: string;
}

// Why a token is refused is said by the error itself.
const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Decides on one token by the API's own authenticator, and shows each of the five steps. It writes nothing: the fifth
 * step only looks up.
 */
export async function introspect(
  argument: string | undefined,
  flags: IntrospectFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const env = readEnvironment(terminal, flags.envFile);
  await importModules(flags.import);
  // Asked anew: what a cache knows would explain nothing.
  const reading = readSettings({ env, settings: { OIDC_RS_CACHE_TTL: 0 } });
  for (const warning of reading.warnings) terminal.err(warning);
  const report = await withParts(flags, reading, async (parts) =>
    decide(await readToken(argument, flags.tokenFile, terminal), flags, parts),
  );
  if (flags.json) terminal.out(renderJson(report));
  else render(report, terminal);
  if (report.ok) return EXIT.ok;
  return report.answer.status >= 500 ? EXIT.unavailable : EXIT.failed;
}

/** Puts the API together, and takes it apart whatever happens. */
async function withParts<T>(
  flags: IntrospectFlags,
  reading: SettingsReading,
  use: (parts: Parts) => Promise<T>,
): Promise<T> {
  const { settings } = reading;
  if (!settings.OIDC_RESOURCE_SERVER_ENABLED) {
    refuseProblems(reading.problems);
    throw new UnavailableError('ERR_DISABLED');
  }
  const timeoutMs = settings.OIDC_TIMEOUT * 1000;
  const http = new RecordingHttpAdapter(await undiciAdapter(settings));
  const database =
    flags.database === undefined ? undefined : await openUserDatabase(flags.database, { timeoutMs });
  try {
    const users = new LookingUserStore(database?.store ?? new ClaimsUserStore());
    const composition = await compose({ http, userStore: users, logger: SILENT }, reading);
    return await use({ composition, http, users });
  } finally {
    await http.close();
    await database?.close();
  }
}

function ignore(): void {
  // The steps say themselves what was found.
}
