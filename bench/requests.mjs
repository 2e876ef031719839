// Requests per second with a token, as a share of the same framework without authentication, beside others.
// `npm run build` comes first.
import { generateKeyPairSync } from 'node:crypto';
import { parseArgs } from 'node:util';
import { COMMON_OPTIONS, finish } from './report.mjs';
import { CONTESTANTS, contestantsOf, FRAMEWORKS, MODES } from './requests/contestants.mjs';
import { checkAsking, checkDecisions, load } from './requests/load.mjs';
import { ask, pin, start, stop, stopAll } from './requests/processes.mjs';
import { profileOf } from './requests/profile.mjs';
import { circumstances, tablesOf } from './requests/results.mjs';
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
const plan = options.quick
  ? { rounds: 1, seconds: 0.5, warmUp: 0, settle: 0, connections: 5 }
  : // Whoever has waited for its turn comes back to cold caches, and every other one has emptied them: that is not measured.
    { rounds: 15, seconds: 0.8, warmUp: 3, settle: 0.3, core: 0 };
const only = options.only.split(',').filter(Boolean);

/** Whether a name is wanted: all are, unless `--only` names some of its kind. */
function isWanted(name, kind) {
  const named = only.filter((wanted) => wanted in kind);
  return named.length === 0 || named.includes(name);
}

/** Measures one contestant for one round. */
async function measure({ child, url, jwts }) {
  if (plan.settle > 0) await load(url, plan.settle, jwts, plan.connections);
  child.send('start');
  const { answered, seconds: took } = await load(url, plan.seconds, jwts, plan.connections);
  const { cpuMs, busy } = await ask(child, 'stop');
  if (answered === 0)
    throw new Error('Nothing was answered in a whole round: this machine is too busy to measure.');
  return { rate: answered / took, cpu: (cpuMs * 1000) / answered, busy };
}

async function startContestant({ takesJwts, ...run }, { url, pem, jwts }) {
  const started = await start('server.mjs', plan.core, JSON.stringify({ ...run, url, pem }));
  return { ...run, ...started, rounds: [], ...(takesJwts && { jwts }) };
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
  const runs = await Promise.all(wanted.map((run) => startContestant(run, surroundings)));
  for (const run of runs) await check(run, surroundings.authorizationServer);
  if (plan.warmUp > 0) for (const { url, jwts } of runs) await load(url, plan.warmUp, jwts);
  for (let round = 0; round < plan.rounds; round += 1) {
    // Each round begins with another one, so that nobody always comes after the same neighbour.
    for (let i = 0; i < runs.length; i += 1) {
      const run = runs[(round + i) % runs.length];
      run.rounds.push(await measure(run));
    }
    const shares = runs.slice(1).map((run) => {
      const share = timesOf(run, runs[0])[round];
      return `${run.contestant} ${run.mode} ${(share * 100).toFixed(0)} %`;
    });
    console.log(`${framework}, round ${round + 1} of ${plan.rounds}: ${shares.join(', ')}`);
  }
  for (const { child } of runs) await stop(child);
  return runs;
}

async function main() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  if (!options.quick) pin(1);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
  const {
    child: authorizationServer,
    url,
    jwts,
  } = await start('authorization-server.mjs', options.quick ? undefined : 1, publicPem);
  if (options.profile) {
    console.log(await profileOf({ url, pem }, plan.seconds * 3));
    return;
  }
  const runs = [];
  for (const framework of Object.keys(FRAMEWORKS).filter((name) => isWanted(name, FRAMEWORKS))) {
    runs.push(...(await measureFramework(framework, { authorizationServer, url, jwts, pem })));
  }
  const page = [...circumstances(plan), '### Requests a second', ...tablesOf(runs)].join('\n\n');
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
