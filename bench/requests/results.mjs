// Turns what was measured into tables: shares first, absolute numbers second.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { table } from '../marked.mjs';
import { PINNED } from './processes.mjs';

const FRAMEWORKS = { express: 'Express', fastify: 'Fastify', node: 'node:http' };
const CONTESTANTS = {
  bare: 'no authentication',
  'hand-written': 'hand-written, undici and node:crypto',
  ours: 'oidc-resource-server',
  peer: 'passport-http-bearer and oauth4webapi',
};
const MODES = { json: 'JSON (RFC 7662)', jwt: 'signed and encrypted (RFC 9701)' };
/** A server that waits for more than this part of a round was not what limited it. */
const BUSY = 0.97;

/**
 * Makes the tables of one run.
 *
 * @param runs One for each contestant: `framework`, `contestant`, `mode` and `rounds`, each with `rate` in requests a
 *   second, `share` of the bare framework in the same round, `cpu` in microseconds a request, and `busy`.
 */
export function tablesOf(runs) {
  const frameworks = [...new Set(runs.map(({ framework }) => framework))];
  const head = ['', ...Object.values(MODES)];
  const find = (framework, contestant, mode) =>
    runs.find((run) => run.framework === framework && run.contestant === contestant && run.mode === mode);
  const rowsOf = (framework, contestants, cell) =>
    contestants
      .filter((contestant) =>
        runs.some((run) => run.framework === framework && run.contestant === contestant),
      )
      .map((contestant) => [
        CONTESTANTS[contestant],
        ...Object.keys(MODES).map((mode) => {
          const run = find(framework, contestant, contestant === 'bare' ? 'json' : mode);
          return run === undefined ? '' : cell(run.rounds);
        }),
      ]);
  return frameworks.flatMap((framework) => [
    `#### ${FRAMEWORKS[framework]}`,
    'Share of the bare framework in the same round, median (lowest to highest):',
    table(head, rowsOf(framework, ['hand-written', 'ours', 'peer'], share)),
    "Requests a second, median; and the server's CPU time for each, in microseconds:",
    table(head, rowsOf(framework, Object.keys(CONTESTANTS), absolute)),
  ]);
}

const percent = (value) => `${(value * 100).toFixed(0)} %`;

function share(rounds) {
  const shares = rounds.map((round) => round.share).toSorted((a, b) => a - b);
  return `${percent(median(shares))} (${percent(shares[0])} to ${percent(shares.at(-1))})`;
}

function absolute(rounds) {
  const of = (member) => median(rounds.map((round) => round[member]));
  const idle = of('busy') < BUSY ? ' \\*' : '';
  return `${of('rate').toFixed(0)}; ${of('cpu').toFixed(0)}${idle}`;
}

/** What was measured with, where, and when. */
export function circumstances({ rounds, seconds }) {
  const version = (name) => {
    const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}`;
  };
  const names = [
    'express',
    'fastify',
    'undici',
    'jose',
    'passport',
    'passport-http-bearer',
    'oauth4webapi',
    'autocannon',
  ];
  const cores = cpus();
  return [
    `Node ${process.version}, ${new Date().toISOString().slice(0, 10)}; ${cores.length} cores, ${cores[0].model}; ` +
      `${PINNED ? 'the server on one core, everything else on another' : 'processes not kept on cores'}; ` +
      `medians of ${rounds} rounds of ${seconds} s.`,
    `${names.map(version).join(', ')}.`,
    '\\* The server had time to spare: the load limited this one, so shares of it are too high.',
  ];
}

/** The middle one of an odd number of values. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
