// Requests per second with a token, as a share of the same framework without authentication, beside others.
// `npm run build` comes first.
import { generateKeyPairSync } from 'node:crypto';
import { parseArgs } from 'node:util';
import { writeMarked } from './marked.mjs';
import { checkDecisions, load } from './requests/load.mjs';
import { ask, pin, start, stop, stopAll } from './requests/processes.mjs';
import { profileOf } from './requests/profile.mjs';
import { circumstances, tablesOf } from './requests/results.mjs';

const HELP = `node bench/requests.mjs [options]

Measures requests per second: a bare framework, a hand-written guard, oidc-resource-server, and passport-http-bearer with
oauth4webapi. Build first: npm run build.

  --quick            three short rounds, for a try
  --only <names>     frameworks, contestants or modes, separated by commas: express,ours,json
  --write            write the tables to bench/RESULTS.md, to the part of this Node
  --profile          instead of measuring, show where the time of oidc-resource-server goes (Express, JSON)
  --help             show this
`;
const FRAMEWORKS = ['express', 'fastify', 'node'];
const CONTESTANTS = [
  ['bare', 'json'],
  ...['json', 'jwt'].flatMap((mode) =>
    ['hand-written', 'ours', 'peer'].map((contestant) => [contestant, mode]),
  ),
];
const RESULTS = new URL('RESULTS.md', import.meta.url);

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const plan = options.quick ? { rounds: 3, seconds: 1, warmUp: 1 } : { rounds: 15, seconds: 0.7, warmUp: 3 };
const only = options.only.split(',').filter(Boolean);

/** Whether a name is wanted: all are, unless `--only` names some of its kind. */
function isWanted(name, kind) {
  const named = only.filter((wanted) => kind.includes(wanted));
  return named.length === 0 || named.includes(name) || name === 'bare';
}

/** Measures one contestant for one round. */
async function measure({ child, url }, seconds) {
  child.send('start');
  const { answered, seconds: took } = await load(url, seconds);
  const { cpuMs, busy } = await ask(child, 'stop');
  if (answered === 0)
    throw new Error('Nothing was answered in a whole round: this machine is too busy to measure.');
  return { rate: answered / took, cpu: (cpuMs * 1000) / answered, busy };
}

async function measureFramework(framework, surroundings) {
  const wanted = CONTESTANTS.filter(
    ([contestant, mode]) =>
      isWanted(contestant, ['hand-written', 'ours', 'peer']) &&
      (contestant === 'bare' || isWanted(mode, ['json', 'jwt'])),
  );
  const runs = [];
  for (const [contestant, mode] of wanted) {
    const argument = JSON.stringify({ framework, contestant, mode, ...surroundings });
    const started = await start('server.mjs', 0, argument);
    runs.push({ framework, contestant, mode, rounds: [], ...started });
    if (contestant !== 'bare') await checkDecisions(`${contestant} (${framework}, ${mode})`, started.url);
  }
  for (const run of runs) await load(run.url, plan.warmUp);
  for (let round = 0; round < plan.rounds; round += 1) {
    // Each round begins with another one, so that nobody always comes after the same neighbour.
    for (let i = 0; i < runs.length; i += 1) {
      const run = runs[(round + i) % runs.length];
      run.rounds.push(await measure(run, plan.seconds));
    }
    const bare = runs[0].rounds[round].rate;
    for (const run of runs) run.rounds[round].share = run.rounds[round].rate / bare;
    const shares = runs.map(({ contestant, mode, rounds }) => {
      const percent = (rounds[round].share * 100).toFixed(0);
      return `${contestant === 'bare' ? 'bare' : `${contestant} ${mode}`} ${percent} %`;
    });
    console.log(`${framework}, round ${round + 1} of ${plan.rounds}: ${shares.join(', ')}`);
  }
  for (const { child } of runs) await stop(child);
  return runs;
}

async function main() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  pin(1);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
  const { url } = await start('authorization-server.mjs', 1, publicPem);
  if (options.profile) {
    console.log(await profileOf({ url, pem }, plan.seconds * 3));
    return;
  }
  const runs = [];
  for (const framework of FRAMEWORKS.filter((name) => isWanted(name, FRAMEWORKS))) {
    runs.push(...(await measureFramework(framework, { url, pem })));
  }
  const page = [...circumstances(plan), ...tablesOf(runs)].join('\n\n');
  console.log(`\n${page}\n`);
  if (options.write) await writeMarked(RESULTS, `Node ${process.versions.node.split('.')[0]}`, page);
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
