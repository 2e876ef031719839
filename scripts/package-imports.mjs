// Imports and requires a subpath in a process of its own.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TIMEOUT_MS = 30_000;
// What Node 20 prints when it requires an ES module; the second line is its hint on how to see more.
const EXPECTED_WARNING =
  /^\(node:\d+\) ExperimentalWarning: .*ES Module.*require.*$|^\(Use `node --trace-warnings .*$/gm;

/** Imports a subpath as an ES module does, or requires it as a CommonJS module does. Returns a problem, or undefined. */
export async function importProblem({ node, project, specifier, how, exports }) {
  const file = writeProgram(project, specifier, how);
  const { code, stdout, stderr } = await run(node, file, project);
  if (code !== 0) return firstError(stderr) ?? `exit code ${code}`;
  const surplus = stderr.replace(how === 'require' ? EXPECTED_WARNING : '', '').trim();
  if (surplus !== '') return `it printed: ${surplus.split('\n', 1)[0]}`;
  return difference(JSON.parse(stdout), exports);
}

/** Imports a subpath where a peer is missing: it has to fail, and Node has to name what is missing. */
export async function missingPeerProblem({ node, project, specifier, peer }) {
  const { code, stderr } = await run(node, writeProgram(project, specifier, 'import'), project);
  if (code === 0) return `it can be imported without ${peer}`;
  const named = stderr.includes(`Cannot find package '${peer}'`);
  return named ? undefined : `without ${peer} it fails with: ${firstError(stderr)}`;
}

/** What two lists of names do not have in common, or undefined. */
export function difference(found, expected) {
  const missing = expected.filter((name) => !found.includes(name));
  const surplus = found.filter((name) => !expected.includes(name));
  const parts = [
    ...(missing.length > 0 ? [`it lacks ${missing.join(', ')}`] : []),
    ...(surplus.length > 0 ? [`it also exports ${surplus.join(', ')}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : undefined;
}

function writeProgram(project, specifier, how) {
  const file = join(project, how === 'import' ? 'program.mjs' : 'program.cjs');
  const load = how === 'import' ? `await import('${specifier}')` : `require('${specifier}')`;
  writeFileSync(file, `console.log(JSON.stringify(Object.keys(${load}).sort()));\n`);
  return file;
}

function run(node, file, cwd) {
  // Neither the runner's own options nor its search path may help.
  const env = { ...process.env, NODE_OPTIONS: '', NODE_PATH: '' };
  return new Promise((resolve) => {
    execFile(node, [file], { cwd, env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
    });
  });
}

function firstError(stderr) {
  return stderr.split('\n').find((line) => /Error|Cannot/.test(line));
}
