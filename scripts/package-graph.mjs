// Which packages a subpath imports, and what it exports, without running it.
import { build } from 'esbuild';
import { isBuiltin } from 'node:module';
import { basename, dirname } from 'node:path';

/**
 * What the modules that can be reached from an entry import from other packages, and what the entry exports.
 *
 * - `now`: packages that are imported with it.
 * - `later`: packages that are imported by `import()`.
 * - `exports`: the names of its values, not of its types.
 */
export async function graphOf(entry, conditions = []) {
  const { metafile } = await build({
    absWorkingDir: dirname(entry),
    entryPoints: [basename(entry)],
    bundle: true,
    write: false,
    outdir: 'out',
    metafile: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    // Modules behind import() stay apart, so that what they import is known to come later.
    splitting: true,
    treeShaking: false,
    conditions,
    logLevel: 'silent',
    tsconfigRaw: '{}',
  });
  const { inputs, outputs } = metafile;
  const first = basename(entry);
  const eager = reachable(inputs, first, ['import-statement', 'require-call']);
  const everything = reachable(inputs, first, ['import-statement', 'require-call', 'dynamic-import']);
  const packagesOf = (paths, kinds) => [
    ...new Set(
      paths
        .flatMap((path) => inputs[path].imports)
        .filter(({ external, kind, path }) => external && kinds.includes(kind) && !isBuiltin(path))
        .map(({ path }) => packageOf(path)),
    ),
  ];
  const now = packagesOf(eager, ['import-statement', 'require-call']);
  const all = packagesOf(everything, ['import-statement', 'require-call', 'dynamic-import']);
  return {
    now,
    later: all.filter((name) => !now.includes(name)),
    exports: Object.values(outputs)
      .find(({ entryPoint }) => entryPoint === first)
      .exports.toSorted(),
  };
}

/** The name of the package that a specifier begins with. */
export function packageOf(specifier) {
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)[0];
}

function reachable(inputs, entry, kinds) {
  const reached = new Set([entry]);
  for (const path of reached) {
    for (const imported of inputs[path].imports) {
      if (!imported.external && kinds.includes(imported.kind)) reached.add(imported.path);
    }
  }
  return [...reached];
}
