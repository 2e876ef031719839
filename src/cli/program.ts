import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { isResourceServerError } from '../errors.ts';
import { EXIT, type ExitCode, UsageError } from './exit-code.ts';
import type { KeygenFlags } from './keygen.ts';
import type { MigrateFlags } from './migrate.ts';
import type { ServeFlags } from './serve/forward-auth.ts';
import type { Terminal } from './terminal.ts';

const EXIT_CODES = `
Exit codes: 0 all is well · 1 a check failed, or the token is refused · 2 the command line or the settings are wrong ·
3 nobody can tell, since the authorization server or the user store gave no believable answer`;

/**
 * Runs one command and resolves with what the process ends with. It does not throw: what went wrong is written to the
 * terminal, without a stack, and without anything secret.
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(terminal, (result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof UsageError || isResourceServerError(error)) {
      terminal.err(error.message);
      return EXIT.usage;
    }
    throw error;
  }
}

type Done = (code: ExitCode) => void;

function createProgram(terminal: Terminal, done: Done): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('oidc-rs')
    .description(
      'Sets an OAuth 2.0 resource server up, says what is wrong with it, and guards any server by it.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (written) => {
        terminal.out(written.trimEnd());
      },
      writeErr: (written) => {
        terminal.err(written.trimEnd());
      },
      getOutHasColors: () => terminal.colours,
    })
    .showHelpAfterError('(--help says what there is)')
    .addHelpText('after', EXIT_CODES);
  addKeygen(program, terminal, done);
  addCheck(program, terminal, done);
  addIntrospect(program, terminal, done);
  addMigrate(program, terminal, done);
  addServe(program, terminal, done);
  for (const command of program.commands) command.addHelpText('after', EXIT_CODES);
  return program;
}

/** A command that reads the settings. */
function settingsCommand(program: Command, usage: string): Command {
  return program
    .command(usage)
    .option('--env-file <file>', 'read settings from a file of NAME=value lines; may be repeated', collect)
    .option(
      '--import <module>',
      'import a module first, such as the one that registers your backend',
      collect,
    );
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

function words(value: string, previous: readonly string[] = []): string[] {
  return [...previous, ...value.split(/[\s,]+/).filter(Boolean)];
}

function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`A whole number from ${String(least)} to ${String(most)} is wanted.`);
  };
}

const json = (): Option => new Option('--json', 'print one JSON object, for machines');
const database = (): Option =>
  new Option('--database <database>', 'where the users are: an SQLite file, or a postgres:// URL');

function addKeygen(program: Command, terminal: Terminal, done: Done): void {
  program
    .command('keygen')
    .description(
      'Makes the private key to which the authorization server encrypts its answers, with the settings that go with it ' +
        'and what to register. What is printed is a piece of an .env file: oidc-rs keygen >> .env',
    )
    .addOption(
      new Option('--type <type>', 'the type of the key').choices(['RSA', 'EC', 'OKP']).default('RSA'),
    )
    .option('--bits <bits>', 'the size of an RSA key: 2048, 3072 (default) or 4096', wholeNumber(2048, 4096))
    .option('--curve <curve>', 'P-256 (default), P-384 or P-521 of an EC key; X25519 of an OKP key')
    .option('--algorithm <alg>', 'OIDC_RS_ENCRYPTION_ALGO (default: RSA-OAEP, or ECDH-ES+A256KW)')
    .addOption(
      new Option('--encoding <enc>', 'OIDC_RS_ENCRYPTION_ENCODING')
        .choices(['A128GCM', 'A192GCM', 'A256GCM', 'A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'])
        .default('A256GCM'),
    )
    .option(
      '--out <file>',
      'write the key to a new file that only you may read, and print its name as the setting',
    )
    .option('--jwks-out <file>', 'write the public JWK Set to a file, too')
    .option(
      '--rotate <file>',
      'put the new key in front of those in a PEM file, which go on decrypting; the file is replaced, or --out written',
    )
    .addOption(json())
    .action(async (options: KeygenFlags) => {
      const { keygen } = await import('./keygen.ts');
      done(keygen(options, terminal));
    });
}

function addCheck(program: Command, terminal: Terminal, done: Done): void {
  settingsCommand(program, 'check')
    .description('Checks whatever can be checked without a token, and says what is wrong and what to do.')
    .addOption(database())
    .option('--jwks-url <url>', 'where your API publishes its /jwks, to see that it can be reached')
    .option('--strict', 'let a warning count as a failure')
    .addOption(json())
    .action(async (options: object) => {
      const { check } = await import('./check.ts');
      done(await check(options, terminal));
    });
}

function addIntrospect(program: Command, terminal: Terminal, done: Done): void {
  settingsCommand(program, 'introspect')
    .description(
      'Decides on one access token step by step, as your API would, and says what was expected and found.',
    )
    .argument(
      '[token]',
      'the token; better from a file or from standard input (-), which stay out of the shell history',
    )
    .option('--token-file <file>', 'read the token from a file; - is standard input')
    .option('--scopes <scopes>', 'scopes that the route asks for, all of them', words)
    .option('--any-scope <scopes>', 'scopes of which the route asks for one', words)
    .option('--clients', 'let clients in that act for themselves')
    .addOption(database())
    .addOption(json())
    .configureOutput({
      // A token may begin with a dash, and would be repeated as an option that nobody knows.
      outputError: (message, write) => {
        const hint = 'a token that begins with a dash comes by standard input or --token-file, or after --';
        write(message.replace(/unknown option '[^']{20,}'.*/, `unknown option: ${hint}`));
      },
    })
    .action(async (token: string | undefined, options: object) => {
      const { introspect } = await import('./introspect.ts');
      done(await introspect(token, options, terminal));
    });
}

function addMigrate(program: Command, terminal: Terminal, done: Done): void {
  program
    .command('migrate')
    .description("Turns the settings of django-lasuite's resource server into those of this package.")
    .argument('[files...]', 'a .env file, the settings module, or both; standard input without one')
    .option('--out <file>', 'write a new file that only you may read')
    .addOption(json())
    .action(async (files: string[], options: MigrateFlags) => {
      const { migrate } = await import('./migrate.ts');
      done(await migrate(files, options, terminal));
    });
}

function addServe(program: Command, terminal: Terminal, done: Done): void {
  settingsCommand(program, 'serve')
    .description(
      'Answers a reverse proxy that asks whether a request may pass: nginx, Traefik, Caddy, Envoy.',
    )
    .option('--port <port>', 'the port to listen on; 0 takes a free one', wholeNumber(0, 65535), 8080)
    .option('--host <host>', 'the address to listen on', '127.0.0.1')
    .addOption(
      new Option(
        '--users <users>',
        'whether there is a local user behind a token; it decides over OIDC_RS_CREATE_USER',
      )
        .choices(['none', 'lookup', 'create'])
        .default('none'),
    )
    .addOption(database())
    .option('--unverified-email', 'keep and hand on e-mail addresses that nobody has verified, too')
    .option(
      '--cache <url>',
      'keep claims in a Redis or Valkey that all processes share (OIDC_RS_CACHE_URL), for OIDC_RS_CACHE_TTL or 30 seconds',
    )
    .option('--policies <file>', 'what /policy/<name> asks for: a JSON file')
    .option(
      '--header <what=Name>',
      'call a header otherwise, such as subject=X-Remote-User; for subject, user-id, email, audience, scopes',
      collect,
    )
    .option(
      '--drain-seconds <seconds>',
      'how long requests in flight may take after SIGTERM',
      wholeNumber(0, 3600),
      10,
    )
    .action(async (options: ServeFlags) => {
      const { serve } = await import('./serve.ts');
      done(await serve(options, terminal));
    });
}
