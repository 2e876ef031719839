// Empty projects that have installed the packed package and nothing but the peers that they were told to.
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './package-build.mjs';

const INSTALL_TIMEOUT_MS = 120_000;

/**
 * Installs a tarball once, as a stranger would, and returns where projects can stand. The package's own dependencies come
 * from the registry, or from npm's cache.
 */
export async function installOnce(tarball) {
  const directory = mkdtempSync(join(tmpdir(), 'oidc-resource-server-package-'));
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', tarball];
  try {
    await promisify(execFile)('npm', args, { cwd: directory, timeout: INSTALL_TIMEOUT_MS });
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
  return {
    directory,
    installed: packagesIn(join(directory, 'node_modules')),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/**
 * Adds a project: a copy of the installed package, so that it finds no peers but these, which are links to this
 * repository's packages. Dependencies are found in the folder above.
 */
export function addProject(directory, name, packages) {
  const project = join(directory, 'projects', name);
  const modules = join(project, 'node_modules');
  const sources = join(directory, 'node_modules/oidc-resource-server/src');
  cpSync(join(directory, 'node_modules/oidc-resource-server'), join(modules, 'oidc-resource-server'), {
    recursive: true,
    filter: (path) => path !== sources,
  });
  for (const link of packages) {
    const target = join(ROOT, 'node_modules', link);
    if (!existsSync(target)) throw new Error(`${link} is not installed in this repository`);
    mkdirSync(dirname(join(modules, link)), { recursive: true });
    symlinkSync(target, join(modules, link), 'dir');
  }
  return project;
}

function packagesIn(modules) {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    )
    .sort();
}
