import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ServeFlags, startForwardAuth } from '../../src/cli/serve/forward-auth.ts';
import { startAuthorizationServer } from './authorization-server.ts';
import { rawRequest } from './raw-http.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const FORWARD_AUTH_EXAMPLES = `${ROOT}examples/forward-auth/`;
const COMMAND = ['--import', 'tsx', '--conditions=oidc-resource-server-source', 'src/cli/main.ts', 'serve'];

type Environment = Readonly<Record<string, string | undefined>>;

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** `oidc-rs serve` in this process. */
export interface ServeHere {
  readonly url: string;
  /** What it has written so far. */
  readonly lines: () => LogLine[];
  /** The lines of requests, without what differs from run to run. */
  readonly requests: () => LogLine[];
  /** The text of it, to search for what must not be there. */
  readonly text: () => string;
  readonly drain: (cut: Promise<unknown>) => Promise<boolean>;
  readonly stop: () => Promise<void>;
}

/** Starts it on a free port. */
export async function serveHere(env: Environment, flags: Partial<ServeFlags> = {}): Promise<ServeHere> {
  const written: string[] = [];
  const { server, close } = await startForwardAuth(
    { host: '127.0.0.1', port: 0, users: 'none', drainSeconds: 10, ...flags },
    {
      env,
      colours: false,
      interactive: false,
      out: (line) => void written.push(line),
      err: (line) => void written.push(line),
      readInput: () => Promise.resolve(''),
    },
  );
  let stopped = false;
  const lines = (): LogLine[] => written.map((line) => JSON.parse(line) as LogLine);
  return {
    url: server.url,
    lines,
    requests: () =>
      lines()
        .filter(({ event }) => event === 'request')
        .map(({ time: _time, ms: _ms, event: _event, ...line }) => line),
    text: () => written.join('\n'),
    drain: (cut) => {
      stopped = true;
      return server.drain(cut);
    },
    stop: async () => {
      if (!stopped) await server.drain(Promise.resolve());
      await close();
    },
  };
}

/** `oidc-rs serve` in a process of its own. */
export interface ServeProcess {
  readonly url: string;
  readonly lines: () => LogLine[];
  readonly err: () => string;
  readonly signal: (signal: 'SIGTERM' | 'SIGINT') => void;
  /** With what it ended. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  /** Ends it, however it goes. */
  readonly stop: () => Promise<void>;
}

/** Starts it on a free port, unless `args` say otherwise, and resolves once it listens. */
export async function serveProcess(env: Environment, args: readonly string[] = []): Promise<ServeProcess> {
  const child = spawn(process.execPath, [...COMMAND, '--port', '0', ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const written: string[] = [];
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const listening = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      written.push(line);
      const { event, url } = JSON.parse(line) as LogLine;
      if (event === 'serve.listening') resolve(String(url));
    });
    void ended.then(({ code }) => {
      reject(new Error(`it ended with ${String(code)} before it listened: ${err}`));
    });
  });
  const url = await listening;
  return {
    url,
    lines: () => written.map((line) => JSON.parse(line) as LogLine),
    err: () => err,
    signal: (signal) => void child.kill(signal),
    ended,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Asks by a request line of one's own, byte for byte. */
export async function ask(
  url: string,
  target: string,
  {
    token,
    method = 'GET',
    headers = [],
  }: { token?: string; method?: string; headers?: readonly string[] } = {},
) {
  const authorization = token === undefined ? [] : [`Authorization: Bearer ${token}`];
  const {
    status,
    headers: answered,
    body,
  } = await rawRequest(url, `${method} ${target}`, [...authorization, ...headers]);
  const header = (name: string): string | undefined => answered.get(name)?.join(', ');
  return { status, header, body };
}

/** The identity in an answer: every header that begins with `x-auth-`. */
export const IDENTITY = ['subject', 'user-id', 'email', 'audience', 'scopes'] as const;

export function identityIn(answer: { header: (name: string) => string | undefined }) {
  return Object.fromEntries(IDENTITY.map((what) => [what, answer.header(`x-auth-${what}`)]));
}

/** `serve` with the policies of the example, in front of a real authorization server. */
export async function serveExample() {
  const authorizationServer = await startAuthorizationServer();
  const settings = authorizationServer.settingsFor('json', {
    OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot',
    OIDC_RS_SCOPES: 'groups',
  });
  const serve = await serveHere(settings, { policies: `${FORWARD_AUTH_EXAMPLES}policies.json` });
  return {
    authorizationServer,
    serve,
    tokenOf: (who: string, ...scopes: string[]) => authorizationServer.tokenFor(who, { scopes }),
    stop: async () => {
      await serve.stop();
      await authorizationServer.stop();
    },
  };
}
