// Requests per second with a token, as a share of the same framework without authentication, beside others.
// `npm run build` comes first.
import { generateKeyPairSync } from 'node:crypto';
import { parseArgs } from 'node:util';
import { COMMON_OPTIONS, finish, median } from './report.mjs';
import { startAuthorizationServer } from './requests/authorization-server.mjs';
import { CONTESTANTS, contestantsOf, FRAMEWORKS, MODES } from './requests/contestants.mjs';
import { checkAsking, checkDecisions } from './requests/decisions.mjs';
import { Load } from './requests/load.mjs';
import { ask, pin, start, stop, stopAll } from './requests/processes.mjs';
import { profileOf } from './requests/profile.mjs';
import { methodOf, tablesOf } from './requests/results.mjs';
import { timesOf } from './requests/shares.mjs';
import { targetsOf } from './requests/targets.mjs';

const HELP = `node bench/requests.mjs [options]

Measures requests per second in Express, Fastify and node:http: without authentication, with a guard written by hand, with
oidc-resource-server, and with others. Build first: npm run build.

  --quick            one round of a moment, for a try
  --only <names>     frameworks, contestants or paths, separated by commas: express,ours,json
  --json <file>      write the tables and the targets to a file
  --profile          instead of measuring, show where the time of oidc-resource-server goes (Express, JSON)
  --help             show this

Frameworks: ${Object.keys(FRAMEWORKS).join(', ')}
Contestants: ${Object.keys(CONTESTANTS).join(', ')}
Paths: ${Object.keys(MODES).join(', ')}
`;

const { values: options } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
/**
 * How many turns each gets, and how long they are: short, so that what the machine does meanwhile happens to neighbours alike.
 * Where it changes its speed twofold within seconds, half of the shares on node:http were between 69 and 82 % in turns of 0.25 s,
 * and between 75 and 80 % in turns of 0.1 s. Whoever asks answers in waves of as many as there are connections, and needs time for
 * several: 50 requests of 2 ms each are a tenth of a second. `settle`: for how many seconds it is under load before.
 */
const TURNS = {
  // In Node 20, much of what a request of Express leaves stays until a full collection, and a turn needs several of them.
  express: { seconds: { cached: 1, json: 1, jwt: 1 }, settle: 0.1, rounds: 5 },
  fastify: { seconds: { cached: 0.1, json: 0.5, jwt: 1 }, settle: 0.03, rounds: 12 },
  node: { seconds: { cached: 0.1, json: 0.5, jwt: 1 }, settle: 0.03, rounds: 12 },
};
/** For a try. */
const ONE_TURN = { seconds: { cached: 0.5, json: 0.5, jwt: 0.5 }, rounds: 1 };
const plan = options.quick
  ? { starts: 1, unmeasured: 0, collections: 0, warmUp: 0, connections: 5 }
  : // Several processes of each, since where its code and its data came to lie makes some percent. Whoever has waited for its turn
    // comes back to cold caches: not measured.
    { starts: 3, unmeasured: 1, collections: 8, warmUp: 2, core: 0 };
const only = options.only.split(',').filter(Boolean);

/** Whether a name is wanted: all are, unless `--only` names some of its kind. */
function isWanted(name, kind) {
  const named = only.filter((wanted) => wanted in kind);
  return named.length === 0 || named.includes(name);
}

/**
 * Brings a process to where one is that has served for a while, with all of its garbage collected some times, and with as much room
 * for new objects as V8 gives it in the end: it begins with a sixteenth of that after each full collection. Each time, V8
 * forgets the shape of objects of which none is alive, and after a few times gives up on shapes for some of them: in
 * `process.nextTick` that alone is 2.5 microseconds a request. The smaller a process, the longer it is spared that: the
 * bare one would be measured without it.
 */
async function warmUp(run) {
  const { child, url, jwts } = run;
  // Not before: connections on which nothing has come are closed after a minute.
  const load = await Load.open(url, { jwts, connections: plan.connections });
  run.load = load;
  for (let i = 0; i < plan.collections; i += 1) {
    await load.run(plan.warmUp / 10);
    await ask(child, 'collect');
  }
  await load.run(plan.warmUp);
}

function turnsOf(framework) {
  return options.quick ? ONE_TURN : TURNS[framework];
}

/** Measures one contestant for one round. */
async function measure({ framework, mode, child, load }) {
  const onStart = () => child.send('start');
  const turn = turnsOf(framework);
  // The bare one takes as long as those that are nearest to it.
  const length = turn.seconds[mode] ?? turn.seconds.cached;
  const { answered, seconds } = await load.run(length, { settle: turn.settle, onStart });
  const { cpuMs, busy } = await ask(child, 'stop');
  if (answered === 0)
    throw new Error('Nothing was answered in a whole round: this machine is too busy to measure.');
  return { rate: answered / seconds, cpu: (cpuMs * 1000) / answered, busy };
}

async function startContestant({ takesJwts, ...run }, { url, pem, jwts }) {
  const started = await start('server.mjs', plan.core, JSON.stringify({ ...run, url, pem }));
  return { ...run, ...started, ...(takesJwts && { jwts }) };
}

/** Makes sure that a contestant decides rightly: the second time from its cache, where it has one. */
async function check({ framework, contestant, mode, url, jwts }, authorizationServer) {
  if (contestant === 'bare') return;
  const name = `${contestant} (${framework}, ${mode})`;
  await checkDecisions(name, url, jwts);
  await checkAsking(name, url, mode, authorizationServer, jwts);
  await checkDecisions(name, url, jwts);
}

/** For a try, a neighbour that runs everywhere runs on Express alone. */
function isTried({ framework, contestant }) {
  const isEverywhere = CONTESTANTS[contestant].frameworks === undefined;
  return !isEverywhere || framework === 'express' || ['hand-written', 'ours'].includes(contestant);
}

async function measureFramework(framework, surroundings) {
  const wanted = contestantsOf(framework).filter(
    (run) =>
      run.contestant === 'bare' ||
      (isWanted(run.contestant, CONTESTANTS) &&
        isWanted(run.mode, MODES) &&
        (!options.quick || isTried(run))),
  );
  const results = wanted.map((run) => ({ ...run, rounds: [] }));
  for (let begun = 1; begun <= plan.starts; begun += 1) {
    const runs = await Promise.all(results.map((run) => startContestant(run, surroundings)));
    for (const run of runs) await check(run, surroundings.authorizationServer);
    for (const run of runs) await warmUp(run);
    for (let round = 0; round < plan.unmeasured; round += 1) await measureRound(runs);
    for (let round = 0; round < turnsOf(framework).rounds; round += 1) {
      for (const [run, figures] of await measureRound(runs)) run.rounds.push(figures);
    }
    for (const run of runs) {
      run.load.close();
      await stop(run.child);
    }
    console.log(`${framework}, ${begun} of ${plan.starts}: ${soFar(results)}`);
  }
  return results;
}

/** Measures each once, in an order that nothing which comes and goes on the machine can keep step with. */
async function measureRound(runs) {
  const measured = [];
  for (const run of shuffled(runs)) measured.push([run, await measure(run)]);
  return measured;
}

function shuffled(list) {
  const order = list.map((item) => ({ item, place: Math.random() }));
  return order.sort((a, b) => a.place - b.place).map(({ item }) => item);
}

function soFar([bare, ...others]) {
  const share = (run) => `${(median(timesOf(run, bare)) * 100).toFixed(0)} %`;
  return others.map((run) => `${run.contestant} ${run.mode} ${share(run)}`).join(', ');
}

async function main() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  if (!options.quick) pin(1);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
  const authorizationServer = await startAuthorizationServer(publicPem);
  const { url, jwts } = authorizationServer;
  if (options.profile) {
    console.log(await profileOf({ url, pem }, options.quick ? 0.5 : 3));
    authorizationServer.stop();
    return;
  }
  const runs = [];
  for (const framework of Object.keys(FRAMEWORKS).filter((name) => isWanted(name, FRAMEWORKS))) {
    runs.push(...(await measureFramework(framework, { authorizationServer, url, jwts, pem })));
  }
  authorizationServer.stop();
  const page = [
    '### Requests a second',
    ...methodOf(plan, options.quick ? undefined : TURNS),
    ...tablesOf(runs),
  ].join('\n\n');
  finish({ page, targets: targetsOf(runs) }, options);
}

if (options.help) {
  console.log(HELP);
} else {
  try {
    await main();
  } finally {
    await stopAll();
  }
}
