// Packs the package, installs it in empty projects, and tries every subpath there: `npm run check:package`.
//
//   node scripts/package-matrix.mjs               builds first
//   node scripts/package-matrix.mjs --no-build    takes dist/ as it is
//
// NODE24_BINARY names a second Node to try as well. Needs npm's registry, or its cache, for the seven dependencies.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { builtPackage, ROOT } from './package-build.mjs';
import { graphOf } from './package-graph.mjs';
import { importProblem, missingPeerProblem } from './package-imports.mjs';
import { addProject, installOnce } from './package-projects.mjs';
import { manifestOf, subpathsOf } from './package-subpaths.mjs';

const TIMEOUT_MS = 240_000;
const startedAt = performance.now();
const manifest = manifestOf(ROOT);
const { rows, problems } = subpathsOf(manifest);
const nodes = [process.execPath, process.env.NODE24_BINARY].filter((node) => node !== undefined);
/** By subpath, then by check: undefined where all is well. */
const results = new Map(rows.map(({ subpath }) => [subpath, new Map()]));

const built = builtPackage({ build: !process.argv.includes('--no-build') });
const tarball = join(built, 'package.tgz');
const { directory, installed, remove } = await installOnce(tarball);
try {
  const ready = [];
  for (const row of rows) {
    const prepared = await prepare(row).catch((error) => void note(row.subpath, 'there', error.message));
    if (prepared !== undefined) ready.push(prepared);
  }
  const tasks = [
    () => checkTypes(ready),
    () => runTool('publint', ['run', tarball, '--strict']),
    () =>
      runTool('attw', [
        tarball,
        '--profile',
        'esm-only',
        '--format',
        'table-flipped',
        '--no-emoji',
        '--no-color',
      ]),
    ...nodes.map((node) => () => runInstalledCommand(node)),
    ...ready.flatMap(importChecks),
  ];
  await inParallel(tasks, availableParallelism());
} finally {
  remove();
}
report();

async function prepare(row) {
  const { default: output, 'oidc-resource-server-source': source } = manifest.exports[row.subpath];
  const file = join(directory, 'node_modules', manifest.name, output);
  const sourceFile = join(built, 'node_modules', manifest.name, source);
  if (!existsSync(sourceFile)) throw new Error(`there is no ${source}`);
  if (!existsSync(file)) throw new Error(`there is no ${output} in the package`);
  const graph = await graphOf(file);
  const { exports } = await graphOf(sourceFile);
  const name = row.subpath.slice(1).replace('/', '') || 'main';
  note(row.subpath, 'there', importsProblem(row, graph));
  const project = addProject(directory, name, [...row.peers, ...row.types, '@types/node']);
  return { ...row, name, project, graph, exports, source: sourceFile };
}

/** What is imported has to be a dependency, or a peer of the row. */
function importsProblem({ peers, later }, graph) {
  const mine = [...Object.keys(manifest.dependencies), ...peers, ...later];
  const strange = [...graph.now, ...graph.later].filter((name) => !mine.includes(name));
  if (strange.length > 0) return `it imports ${strange.join(', ')}, which is not in its row`;
  const early = later.filter((name) => graph.now.includes(name));
  return early.length > 0 ? `it imports ${early.join(', ')} at once` : undefined;
}

function importChecks({ subpath, specifier, name, project, graph, exports, peers, types }) {
  const ways = nodes.flatMap((node) => ['import', 'require'].map((how) => ({ node, how })));
  const there = ways.map(({ node, how }) => async () => {
    const problem = await importProblem({ node, project, specifier, how, exports });
    note(subpath, `${how}, ${versionOf(node)}`, problem);
  });
  // Peers of which only types are taken need not be there at run time.
  const needed = peers.filter((peer) => graph.now.includes(peer));
  const without = needed.map((peer, index) => async () => {
    const rest = [...peers, ...types].filter((other) => other !== peer);
    const bare = addProject(directory, `${name}-without-${index}`, rest);
    note(
      subpath,
      'peer missing',
      await missingPeerProblem({ node: process.execPath, project: bare, specifier, peer }),
    );
  });
  return [...there, ...without];
}

async function checkTypes(ready) {
  const input = ready.map(({ subpath, specifier, project, source }) => ({
    subpath,
    specifier,
    project,
    source,
  }));
  const { code, output } = await run(process.execPath, [
    join(ROOT, 'scripts/package-types.mjs'),
    JSON.stringify(input),
  ]);
  if (code !== 0) {
    problems.push(`scripts/package-types.mjs ended with ${code}: ${output}`);
    return;
  }
  for (const [subpath, modes] of Object.entries(JSON.parse(output))) {
    for (const mode of ['nodenext, ESM', 'nodenext, CTS', 'bundler']) note(subpath, mode, modes[mode]);
  }
}

async function runTool(name, args) {
  const { code, output } = await run(join(ROOT, 'node_modules/.bin', name), args);
  if (code !== 0) problems.push(`${name} is not content:\n${output}`);
}

/** The command of the package, as npm links it: it has to work with nothing but the dependencies. */
async function runInstalledCommand(node) {
  for (const [command, path] of Object.entries(manifest.bin)) {
    const linked = join(directory, 'node_modules/.bin', command);
    if (!existsSync(linked)) problems.push(`${command} is not linked`);
    const file = join(directory, 'node_modules', manifest.name, path);
    const { code, output } = await run(node, [file, 'keygen', '--type', 'OKP']);
    if (code !== 0 || !output.includes('OIDC_RS_PRIVATE_KEY_STR='))
      problems.push(`${command} keygen on ${versionOf(node)} ended with ${code}: ${output}`);
  }
}

function run(command, args) {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { cwd: ROOT, timeout: TIMEOUT_MS, maxBuffer: 2 ** 24 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.code ?? error.signal), output: stdout + stderr });
      },
    );
  });
}

async function inParallel(tasks, width) {
  const queue = tasks.values();
  const work = async () => {
    for (const task of queue) await task();
  };
  await Promise.all(Array.from({ length: width }, work));
}

function note(subpath, check, problem) {
  const checks = results.get(subpath);
  // A subpath with two peers has two answers for one cell: the problem stays.
  checks.set(check, checks.get(check) ?? problem);
  if (problem !== undefined) problems.push(`${subpath} (${check}): ${problem}`);
}

function versionOf(node) {
  if (node === process.execPath) return `Node ${process.versions.node.split('.')[0]}`;
  return `Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).slice(1).split('.')[0]}`;
}

function report() {
  const table = [...results].map(([subpath, checks]) => [
    subpath,
    Object.fromEntries(
      [...checks].map(([check, problem]) => [check, problem === undefined ? 'ok' : 'FAILED']),
    ),
  ]);
  console.table(Object.fromEntries(table));
  console.log(`Installed with it: ${installed.filter((name) => name !== manifest.name).join(', ')}.`);
  for (const problem of new Set(problems)) console.error(`- ${problem}`);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(`${rows.length} subpaths, ${new Set(problems).size} problems, ${seconds} s.`);
  if (problems.length > 0) process.exit(1);
}
