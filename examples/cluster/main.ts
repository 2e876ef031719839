// Three replicas of an API behind nginx, with one PostgreSQL and one Redis: what happens when parts of it go away.
//
//   npm run cluster            everything, about a minute
//   npm run cluster -- --quick shorter phases, for CI
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTestAuthorizationServer } from 'oidc-resource-server/testing';
import { type Caller, load, type LoadResult } from './load.ts';
import { freePort, type Program, start, startNginx, startPostgres, startRedis } from './servers.ts';

const PHASE_MS = process.argv.includes('--quick') ? 2500 : 8000;
const REPLICAS = 3;
const GOOD = 60;
const DEAD = 6;
// All of them are on one machine, with one clock.
const TOLERANCE_SECONDS = 1;
const API = fileURLToPath(new URL('api.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
chmodSync(folder, 0o755);
const programs: Program[] = [];
let failed = false;
const authorizationServer = await startTestAuthorizationServer();

// Ctrl-C, or a deadline: the `finally` below has no turn then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const { process: child } of programs) child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });
}

try {
  const redisPort = await freePort();
  let redis = await running(startRedis(redisPort));
  const postgres = await running(startPostgres(folder, await freePort()));
  const startReplica = (port: number): Promise<Program> =>
    start([process.execPath, '--import', 'tsx', '--conditions=oidc-resource-server-source', API], port, {
      ...authorizationServer.settingsFor('json', {
        OIDC_RS_ALLOWED_AUDIENCES: 'spa',
        OIDC_RS_CREATE_USER: 'true',
        OIDC_RS_CLOCK_TOLERANCE: String(TOLERANCE_SECONDS),
        OIDC_RS_CACHE_TTL: '600',
        OIDC_RS_CACHE_URL: `redis://127.0.0.1:${String(redisPort)}`,
      }),
      DATABASE_URL: postgres.url,
      PORT: String(port),
    });
  const ports = await Promise.all(Array.from({ length: REPLICAS }, freePort));
  const replicas = await Promise.all(ports.map((port) => running(startReplica(port))));
  const nginx = await running(startNginx(folder, await freePort(), ports));
  console.log('PostgreSQL, Redis, nginx, the authorization server and three replicas run.\n');

  const callers = await makeCallers(GOOD, DEAD);
  const good = callers.filter((caller) => caller.good);
  const phase = async (
    title: string,
    who: readonly Caller[],
    during: () => Promise<unknown>,
  ): Promise<number> => {
    const before = authorizationServer.introspections;
    const result = await load(nginx.port, who, during());
    const introspections = authorizationServer.introspections - before;
    report(title, result, introspections);
    return introspections;
  };

  // A store that is new says of nothing whether it was revoked: what is learnt within the tolerance of the clocks is not used.
  await phase('A new store', await makeCallers(3, 0), () => wait(2 * TOLERANCE_SECONDS * 1000));
  const first = await phase('First requests, and those that follow', good, () => wait(2 * PHASE_MS));
  // At most one a replica, where first requests coincide.
  const perToken = first / GOOD;
  if (perToken < 1 || perToken > REPLICAS) failed = true;
  const known = await phase('All tokens known', good, () => wait(PHASE_MS));
  if (known > 0) failed = true;
  await phase('With dead tokens among them', callers, () => wait(PHASE_MS));

  await phase('One replica killed, and started again', callers, async () => {
    await wait(PHASE_MS / 4);
    await replicas[1]?.stop('SIGKILL');
    await wait(PHASE_MS / 2);
    replicas[1] = await running(startReplica(ports[1] ?? 0));
    await wait(PHASE_MS / 4);
  });

  await phase('Redis killed, and back, empty', callers, async () => {
    await wait(PHASE_MS / 4);
    await redis.stop('SIGKILL');
    await wait(PHASE_MS / 2);
    redis = await running(startRedis(redisPort));
    await wait(PHASE_MS / 2);
  });

  await phase('Rolling restart', callers, async () => {
    for (const [at, replica] of replicas.entries()) {
      await replica.stop('SIGTERM');
      replicas[at] = await running(startReplica(ports[at] ?? 0));
      await wait(PHASE_MS / 8);
    }
  });

  console.log(
    `\nIntrospections per token in the first phase: ${perToken.toFixed(2)}; once all were known: ${String(known)} in all.`,
  );
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

async function makeCallers(good: number, dead: number): Promise<Caller[]> {
  const names = Array.from({ length: good + dead }, (_, at) => `user-${String(at)}`);
  return Promise.all(
    names.map(async (subject, at) => {
      const token = await authorizationServer.tokenFor(subject, { scopes: ['openid', 'groups'] });
      const isGood = at < good;
      if (!isGood) await authorizationServer.revoke(token);
      return { token, subject, good: isGood };
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
