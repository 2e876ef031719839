// Lists the threats that the tests name, each with the tests that name it: `npm run threats`. The names of tests carry
// the ids in parentheses: `refuses two Authorization headers (R2)`.
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const TESTS = new URL('../test/', import.meta.url);
const QUOTED_NAME = /(['"`])((?:(?!\1).)*?) \(((?:[A-Z]\d+, ?)*[A-Z]\d+)\)/g;

/** A test, by its file and its name. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** Finds the tests by the ids of the threats that their names carry. */
export function testsByThreat(): Map<string, NamedTest[]> {
  const rows = new Map<string, NamedTest[]>();
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  for (const file of files) {
    const source = readFileSync(new URL(file, TESTS), 'utf8');
    for (const [, , name = '', ids = ''] of source.matchAll(QUOTED_NAME)) {
      for (const id of ids.split(/, ?/))
        rows.set(id, [...(rows.get(id) ?? []), { file: `test/${file}`, name }]);
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
