// Builds and packs the package as it would be published, away from dist/, and keeps the result as long as nothing that is
// packed has changed. Prints the folder: package.tgz, and node_modules/oidc-resource-server with what is in it. The
// folder stands below the repository's node_modules, so that programs in it find all other packages too.
// With --no-build it packs dist/ as it is.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/oidc-resource-server-package');
const DAY_MS = 24 * 60 * 60 * 1000;
const TIMEOUT_MS = 150_000;
// What the result depends on. Anything else in the tree is packed only by a mistake, which the copy below lets happen.
const SOURCES = ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'SECURITY.md', 'src'];
const COMPILER = ['tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs', 'scripts/package-build.mjs'];
const NOT_COPIED = new Set(['node_modules', '.git', 'dist', 'coverage']);

/** Packs the package, unless it is there already, and returns its folder. */
export function builtPackage({ build = true } = {}) {
  const key = fingerprint(build ? [...SOURCES, ...COMPILER] : [...SOURCES, ...COMPILER, 'dist']);
  const directory = join(CACHE, key);
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  forgetOld();
  const workplace = mkdtempSync(join(CACHE, 'new-'));
  try {
    const copy = join(workplace, 'copy');
    for (const name of readdirSync(ROOT).filter(isCopied)) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter: isCopied });
    }
    compile(copy, build);
    pack(copy, workplace);
    rmSync(copy, { recursive: true });
    publishTo(directory, workplace);
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
  return directory;
}

function isCopied(path) {
  return !NOT_COPIED.has(basename(path));
}

function compile(copy, build) {
  if (!build) {
    cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
    return;
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  // Types are checked by `npm run check:types`.
  run(process.execPath, ['scripts/build.mjs', '--no-check'], copy);
}

function pack(copy, workplace) {
  const printed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', workplace], copy);
  const [{ filename }] = JSON.parse(printed);
  renameSync(join(workplace, filename), join(workplace, 'package.tgz'));
  mkdirSync(join(workplace, 'node_modules'));
  run('tar', ['-xzf', 'package.tgz'], workplace);
  renameSync(join(workplace, 'package'), join(workplace, 'node_modules/oidc-resource-server'));
  // Programs here belong to no other package: this repository's own name would lead to its dist/.
  writeFileSync(join(workplace, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
}

/** Another process may have made the same at the same time: then its folder is taken. */
function publishTo(directory, workplace) {
  try {
    renameSync(workplace, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}

function fingerprint(paths) {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths.flatMap(filesBelow))
    hash.update(`\n${path}\n`).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(path) {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  return readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort();
}

function forgetOld() {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < Date.now() - DAY_MS) rmSync(path, { recursive: true, force: true });
  }
}

function run(command, args, cwd) {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

if (pathToFileURL(process.argv[1] ?? '').href === import.meta.url) {
  console.log(builtPackage({ build: !process.argv.includes('--no-build') }));
}
