import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BuiltPackage, builtPackage, ROOT, WITH_BUILD_MS } from './built-package.ts';

interface Manifest {
  readonly scripts: Record<string, string>;
  readonly bin: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly exports: Record<string, string | Record<string, string>>;
  readonly sideEffects: readonly string[];
}

const DEPENDENCIES = ['commander', 'convict', 'jose', 'lru-cache', 'reflect-metadata', 'tsyringe', 'undici'];
// npm runs these where a package is installed.
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'];
const SECRETS = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\s|\\n)*[\w+/]{32}/,
  /\beyJ[\w-]{12,}\.[\w-]{12,}/,
  /\b(?:npm_\w{36}|gh[pousr]_\w{36}|AKIA[0-9A-Z]{16})\b/,
];

let built: BuiltPackage;
let manifest: Manifest;
beforeAll(() => {
  built = builtPackage();
  manifest = JSON.parse(built.read('package.json')) as Manifest;
}, WITH_BUILD_MS);

/** Every file that a file imports or exports from, types included. */
function specifiersOf(path: string): string[] {
  const info = ts.preProcessFile(built.read(path), true, true);
  return info.importedFiles.map(({ fileName }) => fileName);
}

/** TypeScript keeps `.ts` in declarations, and reads the .d.ts that stands there. */
function targetOf(file: string, specifier: string): string {
  const target = posix.join(dirname(file), specifier);
  return file.endsWith('.d.ts') ? target.replace(/(?<!\.d)\.ts$/, '.d.ts') : target;
}

/** The scripts that package.json leads to. */
const entries = (): string[] =>
  [
    ...Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : [entry.default ?? ''],
    ),
    ...Object.values(manifest.bin).map((path) => `./${path}`),
  ].map((path) => path.replace('./', ''));
const named = (pattern: RegExp): string[] => built.files.filter((file) => pattern.test(file));
/** Whether a script does more than hand on what is in others. What the bundler adds has no source. */
const hasOwnCode = (script: string): boolean => /^\/\/ src\//m.test(built.read(script));
const packageOf = (specifier: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;

describe('what is packed', () => {
  it('is the sources, what is made of them, and the pages of the root: no tests, no tools (X8)', () => {
    const sources = named(/^src\/.*\.ts$/);
    const declarations = sources.map((source) => source.replace(/^src\/(.*)\.ts$/, 'dist/$1.d.ts'));
    const scripts = [...entries(), ...named(/^dist\/shared\/[\w-]+\.js$/)];
    const made = [
      ...declarations,
      ...scripts.flatMap((script) => (hasOwnCode(script) ? [script, `${script}.map`] : [script])),
    ];
    const pages = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'];
    expect(sources).toContain('src/index.ts');
    expect(built.files).toEqual([...sources, ...made, ...pages].sort());
    expect(named(/\.test\.|-contract\.test|fixtures?\//)).toEqual([]);
  });

  it('holds no secret, and no path of the machine that it was built on (X8)', () => {
    const paths = [ROOT.slice(0, -1), homedir(), built.workplace].filter((path) => path.length > 3);
    const offending = built.files.filter((file) => {
      const text = built.read(file);
      return SECRETS.some((secret) => secret.test(text)) || paths.some((path) => text.includes(path));
    });
    expect(offending).toEqual([]);
  });

  it('runs nothing where it is installed, and neither do its dependencies (X8)', () => {
    const folders = [...dependencyFolders()];
    expect(folders.length).toBeGreaterThan(DEPENDENCIES.length);
    expect(Object.keys(manifest.scripts).filter((name) => INSTALL_SCRIPTS.includes(name))).toEqual([]);
    const scripted = folders.filter((folder) => {
      const { scripts = {} } = readManifest(folder);
      // What is only run where a package is developed does not count: npm leaves it out.
      return ['preinstall', 'install', 'postinstall'].some((name) => name in scripts);
    });
    expect(scripted).toEqual([]);
    expect(folders.filter((folder) => existsSync(join(folder, 'binding.gyp')))).toEqual([]);
  });

  it('depends on seven libraries (X8)', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(DEPENDENCIES);
  });

  it('finds a row for every subpath, and a subpath for every peer dependency', () => {
    expect(problemsOfRows({})).toEqual([]);
  });

  it.each([
    ['a new subpath', { exports: { './new': {} } }, './new has no row in ROWS'],
    [
      'a peer that nobody uses',
      { peerDependencies: { left: '*' }, peerDependenciesMeta: { left: { optional: true } } },
      'no subpath uses the peer dependency left',
    ],
    [
      'a peer that must be there',
      { peerDependencies: { left: '*' } },
      'the peer dependency left is not optional',
    ],
    [
      'a peer that was renamed',
      { peerDependenciesMeta: { left: { optional: true } } },
      'left is in peerDependenciesMeta, and not in peerDependencies',
    ],
  ])('notices %s', (_, change, problem) => {
    expect(problemsOfRows(change)).toContain(problem);
  });
});

describe('what is imported', () => {
  it('is in the package, or is a dependency or a peer of it, in .js and in .d.ts', () => {
    const known = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
    const checked = named(/^dist\/.*\.(?:js|d\.ts)$/);
    const lost = checked.flatMap((file) =>
      specifiersOf(file)
        .filter((specifier) =>
          specifier.startsWith('.')
            ? !built.files.includes(targetOf(file, specifier))
            : !isBuiltin(specifier) && specifier !== 'http' && !known.includes(packageOf(specifier)),
        )
        .map((specifier) => `${file}: ${specifier}`),
    );
    expect(checked.length).toBeGreaterThan(50);
    expect(lost).toEqual([]);
  });

  it('leads by every entry of package.json to a file, and to nothing below it', () => {
    const targets = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    const files = [...targets, ...manifest.sideEffects].map((path) => path.replace('./', ''));
    expect(files.filter((file) => !built.files.includes(file))).toEqual([]);
    expect(Object.keys(manifest.exports).filter((subpath) => subpath.includes('*'))).toEqual([]);
  });
});

describe('few files', () => {
  /** What Node loads along with a script, of this package alone. */
  function loadedWith(script: string): string[] {
    const loaded = new Set([script]);
    for (const path of loaded) {
      const source = ts.createSourceFile(path, built.read(path), ts.ScriptTarget.Latest);
      for (const statement of source.statements) {
        const from = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
        const specifier = from ? statement.moduleSpecifier : undefined;
        if (specifier === undefined || !ts.isStringLiteral(specifier)) continue;
        if (specifier.text.startsWith('.')) loaded.add(posix.join(dirname(path), specifier.text));
      }
    }
    return [...loaded];
  }

  it('are loaded when an API starts: what the entry points share is in two', () => {
    const shared = ['dist/shared/common.js', 'dist/shared/core.js'];
    expect(loadedWith('dist/index.js')).toEqual(['dist/index.js', ...shared]);
    for (const script of entries().filter((path) => path.startsWith('dist/framework/'))) {
      expect(loadedWith(script)).toEqual([script, 'dist/shared/common.js']);
    }
  });

  it('hold every class by its own name: logs and OIDC_RS_BACKEND_CLASS say it', () => {
    const names = named(/^dist\/.*\.js$/).flatMap((file) =>
      [...built.read(file).matchAll(/^\s*(?:export )?(?:class|var) ([\w$]+) (?:extends|= class|\{)/gm)].map(
        ([, name]) => name ?? '',
      ),
    );
    expect(names).toEqual(expect.arrayContaining(['JWTResourceServerBackend', 'MemoryUserStore']));
    // What a bundler does to one of two that have the same name.
    expect(names.filter((name) => name.includes('$'))).toEqual([]);
  });
});

describe('source maps', () => {
  it('lead to sources in the package', () => {
    const maps = named(/\.js\.map$/);
    const lost = maps.filter((map) => {
      const { sources, sourceRoot = '' } = JSON.parse(built.read(map)) as {
        sources: string[];
        sourceRoot?: string;
      };
      const found = sources.map((source) => posix.join(dirname(map), sourceRoot, source));
      return found.length === 0 || found.some((source) => !built.files.includes(source));
    });
    expect(maps.length).toBeGreaterThan(25);
    expect(lost).toEqual([]);
  });

  it('are named by what they belong to', () => {
    const scripts = named(/\.js$/).filter((file) => {
      if (!hasOwnCode(file)) return false;
      const map = /^\/\/# sourceMappingURL=(\S+)$/m.exec(built.read(file))?.[1] ?? '';
      return !built.files.includes(posix.join(dirname(file), map));
    });
    expect(scripts).toEqual([]);
  });
});

function readManifest(folder: string): {
  dependencies?: Record<string, string>;
  scripts?: Record<string, string>;
} {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ReturnType<typeof readManifest>;
}

/** Where the dependencies are installed, and all that they depend on. */
function dependencyFolders(): Set<string> {
  const folders = new Set<string>();
  const find = (name: string, from: string): void => {
    const folder = (createRequire(from).resolve.paths(`${name}/`) ?? [])
      .map((modules) => join(modules, name))
      .find((candidate) => existsSync(join(candidate, 'package.json')));
    if (folder === undefined) throw new Error(`${name} is not installed`);
    if (folders.has(folder)) return;
    folders.add(folder);
    for (const next of Object.keys(readManifest(folder).dependencies ?? {}))
      find(next, join(folder, 'package.json'));
  };
  for (const name of Object.keys(manifest.dependencies)) find(name, join(ROOT, 'package.json'));
  return folders;
}

/** What the script of the matrix says about a package.json that was changed. */
function problemsOfRows(change: Record<string, object>): string[] {
  const changed = { ...manifest } as Record<string, unknown>;
  for (const [member, value] of Object.entries(change))
    changed[member] = { ...(changed[member] as object), ...value };
  const program =
    "import { subpathsOf } from './scripts/package-subpaths.mjs';" +
    'console.log(JSON.stringify(subpathsOf(JSON.parse(process.argv[1])).problems));';
  const printed = execFileSync(
    process.execPath,
    ['--input-type=module', '-e', program, JSON.stringify(changed)],
    { cwd: ROOT, encoding: 'utf8' },
  );
  return JSON.parse(printed) as string[];
}
