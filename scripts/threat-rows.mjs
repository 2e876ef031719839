// Lists the threats that the tests name, each with the tests that name it: `node scripts/threat-rows.mjs`. The names of
// tests carry the ids in parentheses: `refuses two Authorization headers (R2)`.
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../test/', import.meta.url);

/** Finds the tests by the ids that their names carry. */
export function testsByThreat() {
  const rows = new Map();
  const files = readdirSync(root, { recursive: true }).filter((file) => /(\.test|-contract)\.ts$/.test(file));
  for (const file of files) {
    const source = readFileSync(new URL(file, root), 'utf8');
    for (const [, , name, ids] of source.matchAll(
      /(['"`])((?:(?!\1).)*?) \(([A-Z]\d+(?:, ?[A-Z]\d+)*)\)(?=\1|[^'"`\n]*\1)/g,
    )) {
      for (const id of ids.split(/, ?/)) {
        if (!rows.has(id)) rows.set(id, []);
        rows.get(id).push({ file: `test/${file}`, name });
      }
    }
  }
  return rows;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const order = 'RBAIJKCULDMPEX';
  const ids = [...testsByThreat()].sort(
    ([a], [b]) => order.indexOf(a[0]) - order.indexOf(b[0]) || Number(a.slice(1)) - Number(b.slice(1)),
  );
  for (const [id, tests] of ids) {
    console.log(id);
    for (const { file, name } of tests) console.log(`    ${name}  [${file}]`);
  }
}
