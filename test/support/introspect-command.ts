import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { newApiKeys } from './api-keys.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from './authorization-server.ts';
import { type CommandRun, oidcRs } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What `oidc-rs introspect` said of one token. */
export interface IntrospectRun extends CommandRun {
  /** The line that begins with a mark and this name: a step (`getClaims`) or a check within one (`issuer`). */
  readonly line: (name: string) => string;
  /** The marks of the five steps, such as `✓✓✓✗–`. */
  readonly marks: string;
}

/** An authorization server, and two APIs that use it: one by plain answers, one by signed and encrypted ones. */
export interface IntrospectedApis {
  readonly server: TestAuthorizationServer;
  readonly json: Readonly<Record<string, string>>;
  readonly jwt: Readonly<Record<string, string>>;
  readonly pem: string;
  /** What is the same in every run: names in place of what differs. */
  readonly transcript: (out: string) => string;
  readonly stop: () => Promise<void>;
}

/** Starts the authorization server. Its APIs know it by OIDC_OP_URL alone, and let tokens of `spa` and `robot` in. */
export async function startIntrospectedApis(): Promise<IntrospectedApis> {
  const keys = newApiKeys();
  const server = await startAuthorizationServer({ encryptionJwks: keys.jwks });
  const settings = (api: 'json' | 'jwt') => {
    const all = server.settingsFor(api, { OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot' });
    return Object.fromEntries(Object.entries(all).filter(([name]) => !/^OIDC_OP_.*_ENDPOINT$/.test(name)));
  };
  return {
    server,
    json: settings('json'),
    jwt: {
      ...settings('jwt'),
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
    },
    pem: keys.pem,
    transcript: (out) =>
      out
        .replaceAll(server.url, '<issuer>')
        .replace(/one of \d+ characters \(token_ref [0-9a-f]{8}\)/, 'one of <n> characters (token_ref <ref>)')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z \((?:in \d+ s|\d+ s ago)\)/g, '<time>')
        .replace(/(exp|iat): \d+/g, '$1: <seconds>')
        .replace(/\d+ claims/, '<n> claims')
        .replace(/(key|kid) `[^`]+`/g, '$1 `<kid>`')
        .replace(/(kid|jti): "[^"]+"/g, '$1: "<$1>"'),
    stop: () => server.stop(),
  };
}

/**
 * Runs the command on a token from standard input. Whatever comes of it, neither the token nor a secret of the settings
 * is shown.
 */
export async function introspect(
  env: Environment,
  token: string,
  ...args: readonly string[]
): Promise<IntrospectRun> {
  const run = await oidcRs(['introspect', ...args], { env, input: `${token}\n` });
  return read(run, env, token);
}

const COMMAND = [
  '--import',
  'tsx',
  '--conditions=oidc-resource-server-source',
  'src/cli/main.ts',
  'introspect',
];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The same in a process of its own, with the token in a pipe. */
export async function introspectProcess(env: Environment, token: string): Promise<IntrospectRun> {
  const child = spawn(process.execPath, COMMAND, { cwd: ROOT, env: { PATH: process.env.PATH, ...env } });
  child.stdin.end(token);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return read({ code, out, err }, env, token.trim());
}

/** Reads what was printed, after having looked for secrets in it. */
export function read(run: CommandRun, env: Environment, token: string): IntrospectRun {
  const written = (run.out + run.err).toLowerCase();
  for (const secret of [token, env.OIDC_RS_CLIENT_SECRET, 'PRIVATE KEY']) {
    if (secret !== undefined && secret !== '') expect(written).not.toContain(secret.toLowerCase());
  }
  const lines = run.out.split('\n');
  return {
    ...run,
    line: (name) => {
      const start = new RegExp(`^ *[✓✗–] (?:\\d )?${name}: `);
      return lines
        .filter((line) => start.test(line))
        .map((line) => line.trim())
        .join('\n');
    },
    marks: lines.flatMap((line) => /^([✓✗–]) \d /.exec(line)?.[1] ?? []).join(''),
  };
}
