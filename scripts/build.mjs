// Makes dist/: a declaration beside every source, and JavaScript in few files, because every file that Node has to find and
// load is paid for at each start of an API (docs/decisions/0017-few-files.md).
//
//   node scripts/build.mjs               checks the types as well
//   node scripts/build.mjs --no-check    does not
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import { rolldown } from 'rolldown';

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = [
  ...Object.values(exports).map((entry) => entry['oidc-resource-server-source']),
  ...Object.values(bin).map((path) => path.replace(/^dist\/(.*)\.js$/, './src/$1.ts')),
].filter((path) => path !== undefined);
const isOurs = (id) => id.startsWith('.') || id.startsWith('/') || /^[A-Z]:/.test(id);

/** The modules that are loaded along with some of the entries. */
function loadedWith(chosen, graph) {
  const found = new Set(chosen.map((path) => resolve(path)));
  for (const id of found) {
    for (const imported of graph.getModuleInfo(id).importedIds.filter(isOurs)) found.add(imported);
  }
  return found;
}

const MAIN = './src/index.ts';
const GUARDS = entries.filter((path) => path.startsWith('./src/framework/'));
const STORES = entries.filter((path) => /^\.\/src\/(cache|user)\//.test(path));

let atStart;
/** Whether a module is loaded when an API starts: with a resource server, or with a guard. */
function isLoadedAtStart(id, graph) {
  atStart ??= loadedWith([MAIN, ...GUARDS], graph);
  return atStart.has(id);
}

let common;
/** Whether it is of use without a resource server as well. A guard that imports its framework stays apart, for the others. */
function isCommon(id, graph) {
  common ??= loadedWith([...GUARDS, ...STORES], graph);
  const { importedIds } = graph.getModuleInfo(id);
  const needsNobody = importedIds.every((imported) => isOurs(imported) || isBuiltin(imported));
  return isLoadedAtStart(id, graph) && common.has(id) && needsNobody;
}

let core;
/** Whether a module is loaded with a resource server. */
function isCore(id, graph) {
  core ??= loadedWith([MAIN], graph);
  return core.has(id);
}

/** A file for the modules that pass a test; what no group takes stays in files of its own. */
function group(name, passes, priority) {
  return { name: (id, graph) => (passes(id, graph) ? name : null), debugName: name, priority };
}

rmSync('dist', { recursive: true, force: true });
const check = process.argv.includes('--no-check') ? ['--noCheck'] : [];
const compiler = resolve('node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', ...check], { stdio: 'inherit' });
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((path) => [path.replace(/^\.\/src\/(.*)\.ts$/, '$1'), path])),
  external: (id) => !isOurs(id),
  platform: 'node',
});
await bundle.write({
  dir: 'dist',
  sourcemap: true,
  // The sources are packed as well.
  sourcemapExcludeSources: true,
  entryFileNames: '[name].js',
  chunkFileNames: 'shared/[name].js',
  codeSplitting: { groups: [group('common', isCommon, 2), group('core', isCore, 1)] },
});
await bundle.close();
