import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRY = `${ROOT}src/testing/index.ts`;

/** The packages that the declarations of the entry point import, directly or by way of others. */
function packagesOf(entry: string): Set<string> {
  const config = ts.getParsedCommandLineOfConfigFile(
    `${ROOT}tsconfig.build.json`,
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: () => undefined,
    },
  );
  const options = { ...config?.options, emitDeclarationOnly: true, noEmit: false, sourceMap: false };
  const program = ts.createProgram([entry], options);
  const declarations = new Map<string, string>();
  program.emit(undefined, (path, text) => declarations.set(path, text), undefined, true);
  const packages = new Set<string>();
  const reached = new Set([entry.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts')]);
  for (const path of reached) {
    const text = declarations.get(path);
    if (text === undefined) throw new Error(`There is no declaration ${path}`);
    const { importedFiles } = ts.preProcessFile(text);
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith('.')) {
        reached.add(new URL(fileName.replace(/\.[jt]s$/, '.d.ts'), `file://${path}`).pathname);
      } else {
        packages.add(fileName);
      }
    }
  }
  expect(reached.size).toBeGreaterThan(10);
  return packages;
}

it('the published types need no package that may not be installed', { timeout: 60_000 }, () => {
  const packages = [...packagesOf(ENTRY)].filter((name) => !name.startsWith('node:'));
  expect(packages.filter((name) => /oidc-provider|selfsigned|jose|vitest|jest|mocha/.test(name))).toEqual([]);
});
