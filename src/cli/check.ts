import { Exchange } from '../authorization-server/exchange.ts';
import type { Claims } from '../claims.ts';
import { compose, type Composition, undiciAdapter } from '../composition.ts';
import { ConfigurationError } from '../errors.ts';
import { readSettings, type SettingsReading } from '../settings.ts';
import type { Logger } from '../types.ts';
import { MemoryUserStore } from '../user/memory-user-store.ts';
import type { Check, CheckContext, Finding } from './check/check.ts';
import { CHECKS } from './check/checks.ts';
import { explain } from './check/explain.ts';
import { importModules, readEnvironment, type SettingsFlags } from './environment.ts';
import { EXIT, type ExitCode, UsageError } from './exit-code.ts';
import { RecordingHttpAdapter } from './recorded-exchanges.ts';
import { paint, type Terminal } from './terminal.ts';

/** What `oidc-rs check` takes. */
export interface CheckFlags extends SettingsFlags {
  readonly database?: string;
  readonly jwksUrl?: string;
  readonly strict?: boolean;
}

const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const MARKS = {
  pass: ['green', '✓'],
  warn: ['yellow', '!'],
  fail: ['red', '✗'],
  skip: ['gray', '–'],
} as const;

/** Runs every check, shows each as it ends, and resolves with 0 when none has failed. */
export async function check(flags: CheckFlags, terminal: Terminal): Promise<ExitCode> {
  const env = readEnvironment(terminal, flags.envFile);
  await importModules(flags.import);
  const reading = readSettings({ env });
  const http = new RecordingHttpAdapter(await undiciAdapter(reading.settings));
  const context: CheckContext = {
    reading,
    http,
    exchange: new Exchange({ http, logger: SILENT, timeoutMs: reading.settings.OIDC_TIMEOUT * 1000 }),
    flags,
    ...(await tryCompose(reading, http)),
  };
  const findings: (Finding & { name: string })[] = [];
  try {
    for (const step of CHECKS) {
      for (const finding of await look(step, context)) {
        findings.push({ name: step.name, ...finding });
        if (!flags.json) show(step.name, finding, terminal);
      }
    }
  } finally {
    await context.composition?.close();
    await http.close();
  }
  const count = (status: Finding['status']): number =>
    findings.filter((finding) => finding.status === status).length;
  const ok = count('fail') === 0 && !(flags.strict && count('warn') > 0);
  if (flags.json) terminal.out(JSON.stringify({ ok, checks: findings }));
  else terminal.out(`\n${summary(count)}`);
  return ok ? EXIT.ok : EXIT.failed;
}

async function tryCompose(
  reading: SettingsReading,
  http: RecordingHttpAdapter,
): Promise<{ composition: Composition<unknown, Claims> | undefined; problems: readonly string[] }> {
  try {
    // A store that can do everything: which one the application brings is not known here.
    const userStore = new MemoryUserStore();
    return { composition: await compose({ http, userStore, logger: SILENT }, reading), problems: [] };
  } catch (error) {
    if (error instanceof ConfigurationError) return { composition: undefined, problems: error.problems };
    throw error;
  }
}

async function look(step: Check, context: CheckContext): Promise<readonly Finding[]> {
  try {
    return await step.run(context);
  } catch (error) {
    const message = error instanceof UsageError ? error.message : explain(error);
    return [{ status: 'fail', message }];
  }
}

function show(name: string, { status, message, remedy }: Finding, terminal: Terminal): void {
  const [colour, mark] = MARKS[status];
  terminal.out(`${paint(terminal, colour, mark)} ${name.padEnd(15)} ${message}`);
  if (remedy !== undefined) terminal.out(`${' '.repeat(18)}→ ${remedy}`);
}

function summary(count: (status: Finding['status']) => number): string {
  const warnings = count('warn');
  const failed = count('fail');
  const parts = [
    `${String(count('pass'))} passed`,
    `${String(warnings)} ${warnings === 1 ? 'warning' : 'warnings'}`,
  ];
  const rest = `${String(count('skip'))} not looked at`;
  return `${failed === 0 ? 'Nothing failed' : `${String(failed)} failed`}: ${[...parts, rest].join(', ')}.`;
}

function ignore(): void {
  // Checks say themselves what they found.
}
