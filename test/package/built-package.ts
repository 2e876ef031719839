import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// The first of the tests builds; all others find what it built.
const BUILD_TIMEOUT_MS = 170_000;
/** For hooks and tests that may be the ones that build. */
export const WITH_BUILD_MS = BUILD_TIMEOUT_MS + 10_000;

/** The package as it would be published. */
export interface BuiltPackage {
  /** A folder whose programs can import the package, and whatever is installed in this repository. */
  readonly workplace: string;
  /** What is in the package. */
  readonly directory: string;
  /** The paths of its files. */
  readonly files: readonly string[];
  read(path: string): string;
}

export function builtPackage(): BuiltPackage {
  const workplace = runScript('package-build.mjs').trim();
  const directory = join(workplace, 'node_modules/oidc-resource-server');
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
  return { workplace, directory, files, read: (path) => readFileSync(join(directory, path), 'utf8') };
}

/** Runs a script of `scripts/` and returns what it prints. */
export function runScript(script: string, ...args: string[]): string {
  return execFileSync(process.execPath, [join(ROOT, 'scripts', script), ...args], {
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
