// What each part of the benchmark hands on: a page of Markdown, and its targets.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** The options that all parts have. */
export const COMMON_OPTIONS = {
  quick: { type: 'boolean', default: false },
  json: { type: 'string' },
};

/**
 * Prints what was found, and writes it to the file that `--json` names. Below its heading it says with what, where and when that
 * was: parts can be measured apart from each other.
 *
 * @param report `page`: Markdown that begins with a heading; `targets`: each with `name`, which says what is wanted, and `result`.
 */
export function finish({ page: undated, targets = [] }, { json, quick }) {
  const page = undated.replace(/^### .*$/m, (heading) => `${heading}\n\n${circumstances()}`);
  console.log(`\n${page}\n`);
  for (const { name, result } of targets) console.log(`  ${name}: ${result}`);
  if (quick) console.log('\nA moment of each shows that all run. What it measured says nothing.');
  if (json !== undefined) writeFileSync(json, JSON.stringify({ page, targets }));
}

function circumstances() {
  const cores = cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `Node ${process.version}, ${date}; ${cores.length} cores, ${cores[0].model}.`;
}

/** The words by which a result says whether its target was met. */
export function verdict(isMet, measured) {
  return isMet ? `${measured}, met` : `${measured}, **not met**`;
}

/** The middle one; of an even number of values the upper of the two. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
