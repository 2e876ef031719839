// Starts programs of Debian's packages on free ports, in a folder of their own, and stops them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A program that listens. */
export interface Program {
  readonly port: number;
  readonly process: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const PATH = `${process.env.PATH ?? ''}:/usr/sbin`;

export async function start(
  command: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env: { PATH, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  child.on('error', (error) => (said += error.message));
  const ended = once(child, 'close').catch(() => undefined);
  for (let tries = 0; !(await listens(port)); tries++) {
    if (child.exitCode !== null || child.pid === undefined || tries === 300) {
      child.kill('SIGKILL');
      throw new Error(`${program} does not listen on port ${String(port)}. ${said}`);
    }
    await wait(50);
  }
  return {
    port,
    process: child,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
    },
  };
}

export function startRedis(port: number): Promise<Program> {
  const options = [
    '--save',
    '',
    '--appendonly',
    'no',
    '--maxmemory-policy',
    'noeviction',
    '--bind',
    '127.0.0.1',
  ];
  return start(['redis-server', '--port', String(port), ...options], port);
}

/** PostgreSQL refuses to run as root: then it runs as the user of its package. */
export async function startPostgres(
  folder: string,
  port: number,
): Promise<Program & { readonly url: string }> {
  const data = join(folder, 'postgres');
  mkdirSync(data);
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  const bin = `/usr/lib/postgresql/${versions[0] ?? ''}/bin`;
  const isRoot = process.getuid?.() === 0;
  const as: readonly string[] = isRoot ? ['runuser', '-u', 'postgres', '--'] : [];
  if (isRoot) {
    const [uid = '', gid = ''] = ['-u', '-g'].map((flag) =>
      execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }),
    );
    chownSync(data, Number(uid), Number(gid));
  }
  const [first, ...init] = [...as, `${bin}/initdb`, '-D', data, '-U', 'cluster', '-A', 'trust', '--no-sync'];
  execFileSync(first, init, { stdio: 'ignore', cwd: '/' });
  const options = [
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${data}`,
  ];
  const command = [...as, `${bin}/postgres`, '-D', data, ...options, '-c', 'fsync=off'];
  return { ...(await start(command, port)), url: `postgres://cluster@127.0.0.1:${String(port)}/postgres` };
}

/** nginx with the configuration beside this file, whose ports are replaced. */
export async function startNginx(
  folder: string,
  port: number,
  replicas: readonly number[],
): Promise<Program> {
  const prefix = join(folder, 'nginx');
  mkdirSync(prefix);
  chmodSync(prefix, 0o755);
  let conf = readFileSync(fileURLToPath(new URL('nginx.conf', import.meta.url)), 'utf8');
  conf = conf.replace('listen 8000', `listen 127.0.0.1:${String(port)}`);
  for (const [at, replica] of replicas.entries())
    conf = conf.replace(`:300${String(at + 1)} `, `:${String(replica)} `);
  writeFileSync(join(prefix, 'nginx.conf'), conf);
  return start(['nginx', '-p', prefix, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'], port);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
