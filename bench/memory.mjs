// How much memory a token in the cache takes: each variant in a process of its own, with 100,000 tokens whose claims are
// like those of a real authorization server. `npm run build` comes first.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { claimsText } from './memory/claims.mjs';
import { VARIANTS } from './memory/variants.mjs';
import { table } from './marked.mjs';
import { COMMON_OPTIONS, finish, median, verdict } from './report.mjs';

const { values: options } = parseArgs({ options: COMMON_OPTIONS });
const TOKENS = options.quick ? 10_000 : 100_000;
const ROUNDS = options.quick ? 1 : 3;
const TARGET_BYTES = 650;
const OURS = 'MemoryClaimsCache';
const PROCESS = fileURLToPath(new URL('memory/process.mjs', import.meta.url));

const found = new Map(Object.keys(VARIANTS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, results] of found) {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--expose-gc', PROCESS, name, String(TOKENS)],
      { encoding: 'utf8', timeout: 120_000 },
    );
    if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
    results.push(JSON.parse(stdout));
  }
}

const bytesOf = (name, member) => median(found.get(name).map((result) => result[member]));
const heap = bytesOf(OURS, 'heap');
const page = [
  '### Memory',
  `Bytes for each of ${TOKENS.toLocaleString('en')} tokens with claims of 18 fields (${claimsText(TOKENS).length} ` +
    'characters of JSON), their keys and the cache itself included; ' +
    `medians of ${ROUNDS} processes each. What is outside of the heap are arrays of numbers.`,
  table(
    ['', 'heap', 'outside of it'],
    [...found.keys()].map((name) => [
      name,
      bytesOf(name, 'heap').toFixed(0),
      bytesOf(name, 'outside').toFixed(0),
    ]),
  ),
].join('\n\n');
const targets = [
  {
    name: `memory: ≤ ${TARGET_BYTES} bytes of heap a cached token`,
    result: verdict(heap <= TARGET_BYTES, `${heap.toFixed(0)} bytes`),
  },
];
finish({ page, targets }, options);
