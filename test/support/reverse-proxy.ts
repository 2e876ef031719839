import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, start } from '../../examples/cluster/servers.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/forward-auth/', import.meta.url));

// Debian keeps nginx where only root looks.
const PATH = `${process.env.PATH ?? ''}:/usr/sbin`;

// Those of Debian's nginx belong to root, and not everybody who runs the tests is root.
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
  (what) => `${what}_temp_path ${what};`,
);

/** Why a test that needs these programs cannot run here; CI installs them, and does without none. */
export function missingProgram(...programs: string[]): string | undefined {
  const folders = PATH.split(':');
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length === 0) return undefined;
  if (process.env.CI !== undefined) throw new Error(`CI needs ${missing.join(' and ')}.`);
  return `${missing.join(' and ')} not installed`;
}

/** A program that listens, in a folder of its own. */
export interface RunningProgram {
  readonly url: string;
  stop(): Promise<void>;
}

/** The API of the example, in Python. */
export async function startApi(): Promise<RunningProgram> {
  const port = await freePort();
  return running(['python3', join(EXAMPLES, 'api.py')], port, { PORT: String(port) });
}

/** What reached a server behind a proxy. */
export interface Mirrored {
  readonly method: string;
  readonly path: string;
  /** Names and values, as they came. */
  readonly headers: readonly (readonly [string, string])[];
}

/** An API that says what it got, to the letter; `/status/<n>` answers `<n>`. */
export async function startMirror(): Promise<RunningProgram> {
  const server = createHttpServer((request, response) => {
    const { method = '', url = '', rawHeaders } = request;
    const headers = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1]]] : []));
    response.statusCode = Number(/^\/status\/(\d+)$/.exec(url)?.[1] ?? 200);
    response.end(JSON.stringify({ method, path: url, headers }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** nginx or Caddy with the configuration of the example, whose ports are replaced. `change` does what a guide says. */
export async function startProxy(
  program: 'nginx' | 'caddy',
  upstream: { readonly auth: string; readonly api: string },
  change: (config: string) => string = (config) => config,
): Promise<RunningProgram> {
  const folder = mkdtempSync(join(tmpdir(), `forward-auth-${program}-`));
  // Its workers may run as another user.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const name = program === 'nginx' ? 'nginx.conf' : 'Caddyfile';
  const config = change(readFileSync(join(EXAMPLES, name), 'utf8'))
    .replace('http {', ['http {', ...TEMPORARY].join('\n'))
    .replaceAll('127.0.0.1:8080', new URL(upstream.auth).host)
    .replaceAll('127.0.0.1:9000', new URL(upstream.api).host)
    .replace('listen 8000', `listen 127.0.0.1:${String(port)}`)
    .replace('http://:8000', `http://127.0.0.1:${String(port)}`);
  writeFileSync(join(folder, name), config);
  const args =
    program === 'nginx'
      ? ['-p', folder, '-c', name, '-e', 'stderr', '-g', 'daemon off;']
      : ['run', '--config', join(folder, name), '--adapter', 'caddyfile'];
  const proxy = await running([program, ...args], port, { HOME: folder, XDG_DATA_HOME: folder });
  return {
    url: proxy.url,
    stop: async () => {
      await proxy.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function running(
  command: readonly string[],
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<RunningProgram> {
  const program = await start(command, port, env);
  return { url: `http://127.0.0.1:${String(port)}`, stop: () => program.stop() };
}
