// Writes the table of docs/guides/scaling.md from what was measured: `node scripts/capacity.mjs`; with --check it only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import prettier from 'prettier';

const PAGE = new URL('../docs/guides/scaling.md', import.meta.url);

// Claims of 18 fields, 454 characters of JSON. The heap by `node bench/memory.mjs`, the store by INFO memory of Redis 7.0.
const HEAP_BYTES = 529;
const STORE_BYTES = 1040;
const MAX_ENTRIES = 10_000;
const TTL = 60;

const ROWS = [
  [1_000, 3],
  [10_000, 3],
  [10_000, 30],
  [100_000, 30],
  [100_000, 300],
  [1_000_000, 100],
  [1_000_000, 1_000],
];

const number = (value) => (value < 10 ? Number(value.toFixed(1)) : Math.round(value)).toLocaleString('en-US');
const bytes = (value) => (value < 1e9 ? `${number(value / 1e6)} MB` : `${number(value / 1e9)} GB`);

function row([tokens, replicas]) {
  const perReplica = Math.min(tokens, MAX_ENTRIES);
  // Each replica asks the store for each token once a TTL, and for its marks; twice a second for what was revoked.
  const reads = (replicas * tokens * 2) / TTL + replicas * 2;
  return [
    number(tokens),
    number(replicas),
    number(tokens / TTL),
    number((tokens * replicas) / TTL),
    number(reads),
    number(tokens / TTL),
    bytes(tokens * STORE_BYTES),
    bytes(perReplica * HEAP_BYTES),
  ];
}

const HEAD = [
  'tokens',
  'replicas',
  'introspections/s',
  'without a shared store',
  'reads of the store/s',
  'writes/s',
  'the store holds',
  'each replica holds',
];
const table = [HEAD, HEAD.map(() => '--:'), ...ROWS.map(row)]
  .map((cells) => `| ${cells.join(' | ')} |`)
  .join('\n');

const page = readFileSync(PAGE, 'utf8');
const written = page.replace(
  /(<!-- begin: capacity -->\n)[\s\S]*?(<!-- end: capacity -->)/,
  (_, begin, end) => `${begin}\n${table}\n\n${end}`,
);
const formatted = await prettier.format(written, {
  ...(await prettier.resolveConfig(PAGE)),
  parser: 'markdown',
});
if (process.argv.includes('--check')) {
  if (formatted !== page) {
    console.error('The table of docs/guides/scaling.md is not what scripts/capacity.mjs computes: run it.');
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, formatted);
}
