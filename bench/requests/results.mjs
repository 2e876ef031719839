// Turns what was measured into tables: shares first, absolute numbers second.
import { readFileSync } from 'node:fs';
import { table } from '../marked.mjs';
import { median } from '../report.mjs';
import { CONTESTANTS, FRAMEWORKS, MODES } from './contestants.mjs';
import { SQLITE } from './database.mjs';
import { PINNED } from './processes.mjs';
import { hadTimeToSpare, timesOf } from './shares.mjs';

/**
 * Makes the tables of one run.
 *
 * @param runs One for each contestant: `framework`, `contestant`, `mode` and `rounds`, each with `rate` in requests a
 *   second, `cpu` in microseconds a request, and `busy`.
 */
export function tablesOf(runs) {
  const frameworks = [...new Set(runs.map(({ framework }) => framework))];
  const modes = Object.keys(MODES).filter((mode) => runs.some((run) => run.mode === mode));
  const head = ['', ...modes.map((mode) => MODES[mode])];
  return frameworks.flatMap((framework) => {
    const here = runs.filter((run) => run.framework === framework);
    const bare = here.find(({ contestant }) => contestant === 'bare');
    const guarded = here.filter((run) => run !== bare);
    return [
      `#### ${FRAMEWORKS[framework]}`,
      'Share of the bare framework in the same round, median (lowest to highest):',
      table(
        head,
        rowsOf(guarded, modes, (run) => share(run, bare)),
      ),
      "Requests a second, median; and the server's CPU time for each, in microseconds:",
      table(head, [
        [CONTESTANTS.bare.title, ...modes.map(() => absolute(bare))],
        ...rowsOf(guarded, modes, absolute),
      ]),
    ];
  });
}

function rowsOf(runs, modes, cell) {
  const contestants = [...new Set(runs.map(({ contestant }) => contestant))];
  return contestants.map((contestant) => [
    CONTESTANTS[contestant].title,
    ...modes.map((mode) => {
      const run = runs.find((one) => one.contestant === contestant && one.mode === mode);
      return run === undefined ? '' : cell(run);
    }),
  ]);
}

function share(run, bare) {
  const shares = timesOf(run, bare).toSorted((a, b) => a - b);
  return `${percent(median(shares))} (${percent(shares[0])} to ${percent(shares.at(-1))})`;
}

function percent(value) {
  const hundred = value * 100;
  return `${hundred < 10 ? hundred.toFixed(1) : hundred.toFixed(0)} %`;
}

function absolute(run) {
  const of = (member) => median(run.rounds.map((round) => round[member]));
  return `${of('rate').toFixed(0)}; ${of('cpu').toFixed(0)}${hadTimeToSpare(run) ? ' \\*' : ''}`;
}

const PACKAGES = [
  'express',
  'fastify',
  'undici',
  'jose',
  'lru-cache',
  'passport',
  'passport-http-bearer',
  'oauth4webapi',
  'openid-client',
  'express-oauth2-jwt-bearer',
  '@fastify/jwt',
  'kysely',
];

/** What was measured with, and how. */
export function methodOf({ starts, core }, turns) {
  const version = (name) => {
    const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}`;
  };
  const sqlite = SQLITE === 'libsql' ? version(SQLITE) : `${SQLITE} ${process.versions.sqlite}`;
  return [
    `${PINNED && core !== undefined ? 'The server on one core, everything else on another' : 'Processes not kept on cores'}; ` +
      `medians of ${roundsOf(starts, turns)}, in ${starts} processes each, whose garbage had been collected some times.`,
    `${[...PACKAGES.map(version), sqlite].join(', ')}.`,
    '\\* The server had time to spare: the load limited this one. Its shares, and shares of it, are by CPU time.',
  ];
}

/** How many rounds there were, and how long each turn was, on each path where that differs. */
function roundsOf(starts, turns) {
  if (turns === undefined) return 'one round';
  const each = Object.entries(turns).map(
    ([framework, { seconds, rounds }]) =>
      `${FRAMEWORKS[framework]}: ${starts * rounds} of ${[...new Set(Object.values(seconds))].join(', ')} s`,
  );
  return `rounds (${each.join('; ')})`;
}
