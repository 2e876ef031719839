// Compiles a small program for each subpath as applications do, and says what is wrong with the types of the package.
// A process of its own, since it computes for long: it reads [{ subpath, specifier, project, source }] as JSON from
// its first argument, and prints { [subpath]: { [mode]: problem } }.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import ts from 'typescript';
import { ROOT } from './package-build.mjs';
import { difference } from './package-imports.mjs';

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  // Only our own files are asked for what is wrong with them; see ourProblems.
  skipLibCheck: false,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
};
const NODENEXT = { ...STRICT, module: ts.ModuleKind.NodeNext, lib: ['lib.es2023.d.ts'] };
const BUNDLER = {
  ...STRICT,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
};
const MODES = [
  { mode: 'nodenext, ESM', file: 'use.mts', options: NODENEXT },
  { mode: 'nodenext, CTS', file: 'use.cts', options: NODENEXT },
  { mode: 'bundler', file: 'use.ts', options: BUNDLER },
];
const OURS = `${sep}node_modules${sep}oidc-resource-server${sep}`;

const rows = JSON.parse(process.argv[2]);
const sourceExports = readSourceExports(rows.map(({ source }) => source));
const parsed = new Map();
const results = {};
for (const row of rows) {
  results[row.subpath] = Object.fromEntries(MODES.map((way) => [way.mode, problemOf(row, way)]));
}
console.log(JSON.stringify(results));

function problemOf({ specifier, project, source }, { mode, file, options }) {
  const path = join(project, file);
  writeFileSync(path, consumer(specifier, file));
  const program = ts.createProgram({ rootNames: [path], options, host: sharingHost(options, mode) });
  const checker = program.getTypeChecker();
  const wrong = ourProblems(program, path);
  if (wrong.length > 0) return `${wrong.length} errors, the first: ${wrong[0]}`;
  const used = program.getSourceFile(path).statements[0];
  const name = used.moduleSpecifier ?? used.moduleReference.expression;
  const found = checker.getExportsOfModule(checker.getSymbolAtLocation(name)).map((symbol) => symbol.name);
  return difference(found, sourceExports.get(source));
}

function consumer(specifier, file) {
  return file.endsWith('.cts')
    ? `import subpath = require('${specifier}');\nexport const names: string[] = Object.keys(subpath);\n`
    : `import * as subpath from '${specifier}';\nexport const names: string[] = Object.keys(subpath);\n`;
}

// Errors in what others publish are theirs.
function ourProblems(program, path) {
  const files = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName === path || fileName.includes(OURS));
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...files.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ]),
  ];
  return diagnostics.map(({ file, messageText }) => {
    const where = file === undefined ? 'options' : file.fileName.split(OURS).pop();
    return `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

// Libraries and the types of Node are parsed once for all programs with the same options.
function sharingHost(options, mode) {
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (fileName, ...rest) => {
    const key = `${mode === 'bundler'}:${fileName}`;
    if (!parsed.has(key)) parsed.set(key, getSourceFile.call(host, fileName, ...rest));
    return parsed.get(key);
  };
  return host;
}

function readSourceExports(files) {
  const { config } = ts.parseConfigFileTextToJson('', readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'));
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files }, ts.sys, ROOT);
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  return new Map(
    files.map((file) => {
      const symbol = checker.getSymbolAtLocation(program.getSourceFile(file));
      return [file, checker.getExportsOfModule(symbol).map(({ name }) => name)];
    }),
  );
}
