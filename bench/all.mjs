// Every part of the benchmark, on this Node and on the one that NODE24_BINARY names, written to bench/RESULTS.md.
// `npm run build` comes first.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readMarked, withChapters, withColumn, writeMarked } from './marked.mjs';

const PARTS = ['requests', 'startup', 'users', 'memory', 'event-loop', 'crypto'];
const HELP = `npm run bench -- [options]

Measures everything, and writes bench/RESULTS.md and the table of start-up in README.md. It takes about half an hour for
each Node; nothing else should run meanwhile. NODE24_BINARY names a second Node to measure with.

  --part <name>  one part alone; what the others wrote stays: ${PARTS.join(', ')}
  --quick        a moment of each, on this Node alone, and nothing is written: to see that all contestants run
  --help         show this
`;
const RESULTS = new URL('RESULTS.md', import.meta.url);

const { values: options } = parseArgs({
  options: {
    part: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Runs one part on one Node; returns its page and its targets. */
function run(node, part, folder) {
  const json = join(folder, `${part}.json`);
  const flags = options.quick ? ['--quick'] : part === 'startup' ? ['--write'] : [];
  const script = fileURLToPath(new URL(`${part}.mjs`, import.meta.url));
  const { status, signal } = spawnSync(node, [script, '--json', json, ...flags], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`bench/${part}.mjs ended with ${signal ?? status}.`);
  return JSON.parse(readFileSync(json, 'utf8'));
}

function majorOf(node) {
  const { stdout, error } = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`NODE24_BINARY cannot be run: ${error.message}`);
  return stdout.split('.')[0];
}

async function measure(node) {
  const column = `Node ${majorOf(node)}`;
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const { part } = options;
    const reports = (part === undefined ? PARTS : [part]).map((name) => run(node, name, folder));
    if (options.quick) return;
    const page = reports.map((report) => report.page).join('\n\n');
    await writeMarked(
      RESULTS,
      column,
      part === undefined ? page : withChapters(readMarked(RESULTS, column) ?? '', page),
    );
    const targets = reports.flatMap((report) => report.targets).map(({ name, result }) => [name, result]);
    await writeMarked(
      RESULTS,
      'targets',
      withColumn(RESULTS, 'targets', column, targets, part !== undefined),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (options.help) {
  console.log(HELP);
} else if (options.part !== undefined && !PARTS.includes(options.part)) {
  console.error(`There is no part "${options.part}". Parts: ${PARTS.join(', ')}.`);
  process.exitCode = 2;
} else {
  const second = process.env.NODE24_BINARY;
  await measure(process.execPath);
  if (second !== undefined && !options.quick && majorOf(second) !== majorOf(process.execPath)) {
    await measure(second);
  }
}
