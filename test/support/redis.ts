import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@keyv/redis';
import { freePort } from '../../examples/cluster/servers.ts';

const SERVER = '/usr/bin/redis-server';

/** Why tests with Redis cannot run here; in CI they have to. */
export function redisMissing(): string | undefined {
  if (existsSync(SERVER)) return undefined;
  if (process.env.CI !== undefined) throw new Error(`CI needs ${SERVER}: apt-get install redis-server`);
  return `${SERVER} is not installed`;
}

type RedisClient = ReturnType<typeof connectTo>;

function connectTo(url: string) {
  const client = createClient({ url });
  client.on('error', () => undefined);
  return client;
}

/** A real Redis that keeps nothing on disk, and that can be made to fail in every way. */
export interface TestRedis {
  readonly url: string;
  /** A connection of its own, for looking and for tampering. */
  readonly raw: () => Promise<RedisClient>;
  /** SIGKILL: the connections are closed, and the port is free. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: it takes connections, and answers nothing. */
  readonly hang: () => void;
  /** SIGCONT. */
  readonly resume: () => void;
  /** Starts it again on the same port, empty. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface TestRedisOptions {
  readonly password?: string;
  readonly port?: number;
}

/** Starts a Redis on a free port of 127.0.0.1, and waits until it answers. */
export async function startRedis({ password, port: given }: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const port = given ?? (await freePort());
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${String(port)}`;
  const args = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  if (password !== undefined) args.push('--requirepass', password);
  let child: ChildProcess | undefined;
  const clients: RedisClient[] = [];

  const restart = async (): Promise<void> => {
    child = spawn(SERVER, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const chunk of child.stdout ?? []) {
      if (String(chunk).includes('Ready to accept connections')) break;
    }
    if (child.exitCode !== null) throw new Error('redis-server ended at once.');
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  await restart();
  return {
    url,
    raw: async () => {
      const client = connectTo(url);
      clients.push(client);
      await client.connect();
      return client;
    },
    kill,
    hang: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    restart,
    stop: async () => {
      for (const client of clients) if (client.isOpen) client.destroy();
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
