// Runs the framework contract on every framework and prints what came of it: a table framework × case, in Markdown.
// `--write` puts it into docs/reference/frameworks.md. Fails where a case fails, or where the page says something else.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const PAGE = 'docs/reference/frameworks.md';
const GROUPS = ['lets in', 'refuses', 'cannot be tricked', 'survives', 'publishes'];
/** The columns: how the tests call the framework, and how the table does. */
const FRAMEWORKS = {
  express: 'Express 5',
  express4: 'Express 4',
  Fastify: 'Fastify',
  'the Fetch API': 'Fetch API',
  Hono: 'Hono',
  koa: 'Koa 3',
  koa2: 'Koa 2',
  'NestJS 12 on express': 'Nest 12, Express',
  'NestJS 12 on fastify': 'Nest 12, Fastify',
  'NestJS 11 on express': 'Nest 11, Express',
  'NestJS 11 on fastify': 'Nest 11, Fastify',
  'Apollo Server': 'Apollo',
  'GraphQL Yoga on node:http': 'Yoga, node:http',
  'GraphQL Yoga on the Fetch API': 'Yoga, Fetch',
  "tRPC's handler for node:http": 'tRPC, node:http',
  "tRPC's handler for the Fetch API": 'tRPC, Fetch',
  WebSocket: 'ws',
  'node:http': 'node:http',
};

const folder = mkdtempSync(join(tmpdir(), 'framework-table-'));
const report = join(folder, 'report.json');
spawnSync('npx', ['vitest', 'run', 'test/framework', '--reporter=json', `--outputFile=${report}`], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
rmSync(folder, { recursive: true });

const rows = new Map();
const unknown = new Set();
let failures = 0;
for (const { ancestorTitles, title, status } of testResults.flatMap(
  ({ assertionResults }) => assertionResults,
)) {
  if (status === 'failed') failures += 1;
  const at = ancestorTitles.findIndex((ancestor) => GROUPS.includes(ancestor));
  if (at < 1) continue;
  // A framework may run the contract several times, each in a describe of its own inside the framework's.
  const within = ancestorTitles.slice(0, at).findLast((ancestor) => ancestor in FRAMEWORKS);
  const framework = FRAMEWORKS[within];
  if (framework === undefined) {
    unknown.add(ancestorTitles[at - 1]);
    continue;
  }
  const name = `${ancestorTitles[at]} ${title}`;
  const cells = new Map(rows.get(name));
  const passedSoFar = cells.get(framework) !== '✗';
  rows.set(name, cells.set(framework, passedSoFar && status === 'passed' ? '✓' : '✗'));
}

const columns = Object.values(FRAMEWORKS);
const table = [
  `| case | ${columns.join(' | ')} |`,
  `| --- |${' :-: |'.repeat(columns.length)}`,
  ...[...rows]
    .filter(([, cells]) => cells.size > 1)
    .map(([name, cells]) => `| ${name} | ${columns.map((column) => cells.get(column) ?? '·').join(' | ')} |`),
  '',
].join('\n');
const before = readFileSync(PAGE, 'utf8');
const after = await format(
  before.replace(/(<!-- begin -->\n).*(<!-- end -->)/s, (_, begin, end) => `${begin}\n${table}\n${end}`),
  { ...(await resolveConfig(PAGE)), parser: 'markdown' },
);

const problems = [
  ...(failures > 0 ? [`${failures} tests fail`] : []),
  ...[...unknown].map((name) => `${name} is in no column: add it to scripts/framework-table.mjs`),
  ...columns
    .filter((column) => ![...rows.values()].some((cells) => cells.has(column)))
    .map((column) => `no result for ${column}`),
];
if (process.argv.includes('--write')) writeFileSync(PAGE, after);
else {
  console.log(table);
  if (after !== before)
    problems.push(`${PAGE} says something else: node scripts/framework-table.mjs --write`);
}
if (problems.length > 0) {
  console.error(problems.map((problem) => `- ${problem}`).join('\n'));
  process.exit(1);
}
