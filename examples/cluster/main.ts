// Three replicas of an API behind nginx, with one PostgreSQL and one Redis: what happens when parts of it go away.
//
//   npm run cluster            everything, about a minute
//   npm run cluster -- --quick shorter phases, for CI
import { mkdtempSync, rmSync } from 'node:fs';
import { chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTestAuthorizationServer } from 'oidc-resource-server/testing';
import { type Caller, load, type LoadResult } from './load.ts';
import { freePort, type Program, start, startNginx, startPostgres, startRedis } from './servers.ts';

const PHASE_MS = process.argv.includes('--quick') ? 2500 : 8000;
const GOOD = 100;
const DEAD = 10;
const API = fileURLToPath(new URL('api.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
chmodSync(folder, 0o755);
const programs: Program[] = [];
let failed = false;
const authorizationServer = await startTestAuthorizationServer();

try {
  const redisPort = await freePort();
  let redis = await running(startRedis(redisPort));
  const postgres = await running(startPostgres(folder, await freePort()));
  const startReplica = (port: number): Promise<Program> =>
    start([process.execPath, '--import', 'tsx', '--conditions=oidc-resource-server-source', API], port, {
      ...authorizationServer.settingsFor('json', {
        OIDC_RS_ALLOWED_AUDIENCES: 'spa',
        OIDC_RS_CREATE_USER: 'true',
        OIDC_RS_CACHE_TTL: '600',
        OIDC_RS_CACHE_URL: `redis://127.0.0.1:${String(redisPort)}`,
      }),
      DATABASE_URL: postgres.url,
      PORT: String(port),
    });
  const ports = [await freePort(), await freePort(), await freePort()];
  const replicas = await Promise.all(ports.map((port) => running(startReplica(port))));
  const nginx = await running(startNginx(folder, await freePort(), ports));
  console.log('PostgreSQL, Redis, nginx, the authorization server and three replicas run.\n');

  const callers = await makeCallers();
  const phase = async (title: string, during: () => Promise<unknown>): Promise<void> => {
    const before = authorizationServer.introspections;
    const result = await load(nginx.port, callers, during());
    report(title, result, authorizationServer.introspections - before);
  };

  await phase('First requests, and those that follow', () => wait(PHASE_MS));
  const perToken = authorizationServer.introspections / (GOOD + DEAD);
  await phase('All tokens known', () => wait(PHASE_MS));

  await phase('One replica killed, and started again', async () => {
    await wait(PHASE_MS / 4);
    await replicas[1]?.stop('SIGKILL');
    await wait(PHASE_MS / 2);
    replicas[1] = await running(startReplica(ports[1] ?? 0));
    await wait(PHASE_MS / 4);
  });

  await phase('Redis killed, and back, empty', async () => {
    await wait(PHASE_MS / 4);
    await redis.stop('SIGKILL');
    await wait(PHASE_MS / 2);
    redis = await running(startRedis(redisPort));
    await wait(PHASE_MS / 2);
  });

  await phase('Rolling restart', async () => {
    for (const [at, replica] of replicas.entries()) {
      await replica.stop('SIGTERM');
      replicas[at] = await running(startReplica(ports[at] ?? 0));
      await wait(PHASE_MS / 8);
    }
  });

  console.log(`\nIntrospections per token while the cache was filled: ${perToken.toFixed(2)}.`);
  // At most one a replica, where first requests coincide; dead ones are asked about again after five seconds.
  if (perToken > 3.5) failed = true;
} finally {
  await Promise.all(programs.map((program) => program.stop().catch(() => undefined)));
  await authorizationServer.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (failed) {
  console.error('\nNot everything is as it should be.');
  process.exitCode = 1;
}

async function running<P extends Program>(starting: Promise<P>): Promise<P> {
  const program = await starting;
  programs.push(program);
  return program;
}

async function makeCallers(): Promise<Caller[]> {
  const names = Array.from({ length: GOOD + DEAD }, (_, at) => `user-${String(at)}`);
  return Promise.all(
    names.map(async (subject, at) => {
      const token = await authorizationServer.tokenFor(subject, { scopes: ['openid', 'groups'] });
      const good = at < GOOD;
      if (!good) await authorizationServer.revoke(token);
      return { token, subject, good };
    }),
  );
}

function report(title: string, { requests, wrong, perSecond }: LoadResult, introspections: number): void {
  const answers = wrong.size === 0 ? 'every answer right' : `WRONG: ${JSON.stringify([...wrong])}`;
  if (wrong.size > 0) failed = true;
  console.log(
    `${title.padEnd(40)} ${String(requests).padStart(6)} requests, ${String(perSecond).padStart(5)}/s, ${answers}, ${String(introspections)} introspections`,
  );
}
