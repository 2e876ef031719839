// What the package weighs, as the table of README.md below "What it weighs" says.
//
//   node scripts/package-size.mjs            measures, and exits 1 where the table is off by more than 5 %
//   node scripts/package-size.mjs --write    writes the table
//
// --readme=FILE takes another page.
import { build } from 'esbuild';
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import prettier from 'prettier';
import { builtPackage, ROOT } from './package-build.mjs';
import { manifestOf } from './package-subpaths.mjs';

const TOLERANCE = 0.05;
const HEADING = '## What it weighs';

const readme = process.argv.find((argument) => argument.startsWith('--readme='))?.slice('--readme='.length);
const page = resolve(readme ?? join(ROOT, 'README.md'));
const text = readFileSync(page, 'utf8');
const measured = await measure();
if (process.argv.includes('--write')) {
  writeFileSync(page, await withTable(text, measured));
} else {
  check(text, measured);
}

/** Bytes by row: plain, and gzipped where that is asked. */
async function measure() {
  const directory = builtPackage();
  const dependencies = installedFiles(Object.keys(manifestOf(ROOT).dependencies));
  const own = filesBelow(join(directory, 'node_modules/oidc-resource-server'));
  return {
    'the package, installed': { plain: sizeOf(own), gzipped: statSync(join(directory, 'package.tgz')).size },
    'its seven dependencies, installed, with what they depend on': { plain: sizeOf(dependencies) },
    'the Express API above as one minified file, with Express and all else': await bundle(directory, {}),
    "of it this package's own code": await bundle(directory, { external: ['express', 'express/*'] }),
  };
}

/** Bundles the example of README.md. With `external`, everything but this package's own code is left out. */
async function bundle(directory, { external }) {
  const entry = join(directory, `express-${process.pid}.ts`);
  copyFileSync(join(ROOT, 'examples/express.ts'), entry);
  try {
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      write: false,
      platform: 'node',
      format: 'esm',
      tsconfigRaw: '{}',
      // An API without a shared cache has not installed them.
      external: [
        ...['keyv', '@keyv/redis'],
        ...(external === undefined ? [] : [...external, ...Object.keys(manifestOf(ROOT).dependencies)]),
      ],
    });
    const [{ contents }] = outputFiles;
    return { plain: contents.length, gzipped: gzipSync(contents, { level: 9 }).length };
  } finally {
    rmSync(entry);
  }
}

/** The files of packages and of all that they depend on, as they are installed in this repository. */
function installedFiles(names) {
  const found = new Map();
  const queue = names.map((name) => ({ name, from: join(ROOT, 'package.json') }));
  for (const { name, from } of queue) {
    const directory = folderOf(name, from);
    if (found.has(directory)) continue;
    found.set(directory, filesBelow(directory));
    const { dependencies = {} } = manifestOf(directory);
    queue.push(
      ...Object.keys(dependencies).map((next) => ({ name: next, from: join(directory, 'package.json') })),
    );
  }
  return [...found.values()].flat();
}

function folderOf(name, from) {
  for (const modules of createRequire(from).resolve.paths(isBuiltin(name) ? `${name}/` : name)) {
    if (statSync(join(modules, name), { throwIfNoEntry: false })?.isDirectory()) return join(modules, name);
  }
  throw new Error(`${name} is not installed for ${dirname(from)}`);
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function sizeOf(files) {
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

function kilobytes(bytes) {
  return bytes === undefined ? '' : (bytes / 1000).toFixed(0);
}

async function withTable(markdown, rows) {
  const lines = Object.entries(rows).map(
    ([name, { plain, gzipped }]) => `| ${name} | ${kilobytes(plain)} | ${kilobytes(gzipped)} |`,
  );
  const table = ['| | kB | gzipped, kB |', '| --- | --: | --: |', ...lines].join('\n');
  const formatted = await prettier.format(table, {
    parser: 'markdown',
    ...(await prettier.resolveConfig(page)),
  });
  const { before, after } = aroundTable(markdown);
  return before + formatted + after;
}

function aroundTable(markdown) {
  const section = markdown.indexOf(`\n${HEADING}\n`);
  const start = section < 0 ? -1 : markdown.indexOf('\n|', section) + 1;
  if (start < 1) throw new Error(`${page} has no table below "${HEADING}".`);
  const length = /^(?:\|.*\n)*/.exec(markdown.slice(start))[0].length;
  return {
    before: markdown.slice(0, start),
    table: markdown.slice(start, start + length),
    after: markdown.slice(start + length),
  };
}

function check(markdown, rows) {
  const cells = aroundTable(markdown)
    .table.split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const problems = Object.entries(rows).flatMap(([name, { plain, gzipped }]) => {
    const [, , writtenPlain, writtenGzipped] = cells.find((row) => row[1] === name) ?? [];
    if (writtenPlain === undefined) return [`there is no row "${name}"`];
    return [problemOf(name, plain, writtenPlain), problemOf(`${name}, gzipped`, gzipped, writtenGzipped)];
  });
  const wrong = problems.filter((problem) => problem !== undefined);
  if (wrong.length > 0) {
    console.error(wrong.map((problem) => `- ${problem}`).join('\n'));
    console.error('Read why. If it is meant, update the table: node scripts/package-size.mjs --write');
    process.exit(1);
  }
  console.log(`Sizes: ${Object.keys(rows).length} rows of the table are true.`);
}

function problemOf(name, bytes, written) {
  if (bytes === undefined) return undefined;
  const off = Math.abs(bytes / 1000 - Number(written)) / (bytes / 1000);
  // A cell without a number is off too.
  if (written !== '' && off <= TOLERANCE) return undefined;
  return `${name}: ${kilobytes(bytes)} kB, and the table says ${written || 'nothing'}`;
}
