import { missingSettings, readSettings, type SettingName } from '../settings.ts';
import { envLine } from './env-file.ts';
import { readTextFile } from './environment.ts';
import { EXIT, type ExitCode, UsageError } from './exit-code.ts';
import { carryOver, type Migration } from './migrate/carry-over.ts';
import { readDjangoSettings, type Source } from './migrate/source.ts';
import { writePrivateFile } from './private-file.ts';
import type { Terminal } from './terminal.ts';

/** What `oidc-rs migrate` takes. */
export interface MigrateFlags {
  /** Where the `.env` is written, rather than to standard output. */
  readonly out?: string;
  readonly json?: boolean;
}

const GUIDE = 'docs/guides/migrating-from-django-lasuite.md';

/** Reads the Django settings of a team, and writes the `.env` for this package. */
export async function migrate(
  files: readonly string[],
  flags: MigrateFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const migration = carryOver(readDjangoSettings(await sourcesOf(files, terminal)));
  const { settings, notCarriedOver } = migration;
  if (Object.keys(settings).length + notCarriedOver.length === 0)
    throw new UsageError(
      'There is no setting in it whose name begins with OIDC_. Give the .env file, the settings module, or both.',
    );
  const problems = problemsOf(settings);
  const written = flags.json ? JSON.stringify({ ...migration, problems }) : envFile(migration, files);
  if (flags.out === undefined) terminal.out(written);
  else writePrivateFile(flags.out, `${written}\n`, '--out');
  const count = String(Object.keys(settings).length);
  if (flags.out !== undefined || !flags.json)
    terminal.err(
      `${count} settings carried over${flags.out === undefined ? '' : ` to ${flags.out}`}, ${String(notCarriedOver.length)} not: see the comments.`,
    );
  for (const problem of problems) terminal.err(problem);
  if (!flags.json && problems.length === 0) terminal.err('Next: oidc-rs check --env-file .env');
  return problems.length === 0 ? EXIT.ok : EXIT.failed;
}

async function sourcesOf(files: readonly string[], terminal: Terminal): Promise<Source[]> {
  if (files.length > 0 && !files.includes('-'))
    return files.map((file) => ({ file, text: readTextFile(file, 'migrate') }));
  if (terminal.interactive)
    terminal.err(
      'Paste the settings, and end with Ctrl-D. (Or name files: oidc-rs migrate settings.py .env)',
    );
  const typed = { file: 'standard input', text: await terminal.readInput() };
  return [
    ...files.filter((file) => file !== '-').map((file) => ({ file, text: readTextFile(file, 'migrate') })),
    typed,
  ];
}

/** What this package would say of the result, besides what was named already. */
function problemsOf(settings: Readonly<Record<string, string>>): string[] {
  const reading = readSettings({ env: settings });
  const names: SettingName[] = ['OIDC_OP_URL', 'OIDC_RS_CLIENT_ID', 'OIDC_RS_CLIENT_SECRET'];
  if (reading.settings.OIDC_RS_BACKEND_CLASS.endsWith('JWTResourceServerBackend'))
    names.push('OIDC_RS_PRIVATE_KEY_STR');
  return [...reading.problems, ...missingSettings(reading, names, 'the API')];
}

function envFile({ settings, notCarriedOver, notes }: Migration, files: readonly string[]): string {
  const lines = [
    comment(`Settings of oidc-resource-server, made of ${files.join(', ') || 'standard input'}`),
  ];
  const unwritable: string[] = [];
  for (const [name, value] of Object.entries(settings)) {
    const line = envLine(name, value);
    if (line === undefined) unwritable.push(name);
    else lines.push(line);
  }
  lines.push(...notes.map(comment));
  const left = [
    ...notCarriedOver,
    ...unwritable.map((name) => ({
      name,
      why: `no quotation marks fit around it. Put it into a file, and name that by ${name}_FILE.`,
    })),
  ];
  if (left.length > 0) lines.push('#', `# Not carried over (see ${GUIDE}):`);
  lines.push(...left.map(({ name, why }) => comment(`${name}: ${why}`)));
  return lines.join('\n');
}

// A name in it may come from the file, and must not begin a line of its own.
function comment(written: string): string {
  return `# ${written.replace(/\s+/g, ' ')}`;
}
