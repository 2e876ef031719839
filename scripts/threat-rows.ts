// Lists the threats that the tests name, each with the tests that name it: `npm run threats`. The names of tests carry
// the ids in parentheses: `refuses two Authorization headers (R2)`.
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const ROOT = new URL('../', import.meta.url);
// Contract suites that are published stand in src/.
const FOLDERS = ['test/', 'src/testing/'];
const QUOTED_NAME = /(['"`])((?:(?!\1).)*?) \(((?:[A-Z]\d+, ?)*[A-Z]\d+)\)/g;

/** A test, by its file and its name. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** Finds the tests by the ids of the threats that their names carry. */
export function testsByThreat(): Map<string, NamedTest[]> {
  const rows = new Map<string, NamedTest[]>();
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).map((file) => folder + file),
  );
  for (const file of files.filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))) {
    const source = readFileSync(new URL(file, ROOT), 'utf8');
    for (const [, , name = '', ids = ''] of source.matchAll(QUOTED_NAME)) {
      for (const id of ids.split(/, ?/)) rows.set(id, [...(rows.get(id) ?? []), { file, name }]);
    }
  }
  return rows;
}

if (pathToFileURL(process.argv[1] ?? '').href === import.meta.url) {
  const sections = 'RBAIJKCULDMPEX';
  const rank = (id: string): number => sections.indexOf(id.charAt(0)) * 100 + Number(id.slice(1));
  for (const [id, tests] of [...testsByThreat()].sort(([a], [b]) => rank(a) - rank(b))) {
    console.log(id);
    for (const { file, name } of tests) console.log(`    ${name}  [${file}]`);
  }
}
