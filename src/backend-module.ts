import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyBackendProvider, backendNamed, backendNames, isBackendClass } from './container.ts';

/** A backend, or one sentence on why there is none. */
export type FoundBackend = { readonly provider: AnyBackendProvider } | { readonly problem: string };

/**
 * Finds what `OIDC_RS_BACKEND_CLASS` names: a registered or shipped name, the original's dotted path, or
 * `module#Export`, which is imported. Modules are looked up from the working directory; other schemes are refused.
 */
export async function findBackend(name: string): Promise<FoundBackend> {
  const provider = backendNamed(name);
  if (provider !== undefined) return { provider };
  if (name.includes('#')) return importBackend(name);
  const known = backendNames().join(', ');
  return {
    problem:
      `OIDC_RS_BACKEND_CLASS: no backend is called "${name}". Known: ${known}. ` +
      'Register yours by registerBackend before createResourceServer, or name a module: ./backends/team.js#TeamBackend.',
  };
}

async function importBackend(name: string): Promise<FoundBackend> {
  const separator = name.lastIndexOf('#');
  const specifier = name.slice(0, separator);
  const exported = name.slice(separator + 1);
  if (specifier === '' || exported === '') {
    return {
      problem: `OIDC_RS_BACKEND_CLASS: "${name}" is not module#Export, for example ./backends/team.js#TeamBackend.`,
    };
  }
  const path = specifier.startsWith('./') || specifier.startsWith('../') || isAbsolute(specifier);
  if (!path && URL.canParse(specifier)) {
    return {
      problem:
        'OIDC_RS_BACKEND_CLASS: only paths and package names are imported, no "data:", "https:" or other scheme.',
    };
  }
  let module: Record<string, unknown>;
  try {
    const url = path ? pathToFileURL(resolve(specifier)).href : locatePackage(specifier);
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    const byFile = path ? '' : ' A package can also be named by its file: ./node_modules/…/file.js#Export.';
    return {
      problem: `OIDC_RS_BACKEND_CLASS: the module ${specifier} cannot be imported (${whyNot(error)}).${byFile}`,
    };
  }
  const backend = module[exported];
  if (isBackendClass(backend)) return { provider: backend };
  const exports = Object.keys(module).join(', ') || 'nothing';
  return {
    problem: `OIDC_RS_BACKEND_CLASS: ${specifier} has no backend class "${exported}"; it exports ${exports}.`,
  };
}

// What Node's loader says when it finds no module: file names, and nothing of what is in the files.
const NOT_FOUND =
  /^(ERR_)?(MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT|UNKNOWN_FILE_EXTENSION|PACKAGE_PATH_NOT_EXPORTED)$/;

// What the module itself throws may hold anything: JSON.parse quotes what it could not parse.
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return `it throws a ${typeof error}`;
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && NOT_FOUND.test(code)) return error.message.split('\n', 1)[0] as string;
  return `${error.name}; its message may hold secrets, so import the module yourself to see it`;
}

// A package is looked up from the application's folder, not from ours. Where it has no entry for CommonJS, `import`
// finds it next to this package, which is the same place unless the installer keeps packages apart.
function locatePackage(specifier: string): string {
  try {
    return pathToFileURL(createRequire(resolve('package.json')).resolve(specifier)).href;
  } catch {
    return specifier;
  }
}
