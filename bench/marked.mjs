// Tables in Markdown files that a benchmark writes: each lies between two comments with its name, and is replaced whole.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

/** What lies between the comments now; `undefined` where they are not there. */
export function readMarked(file, name) {
  const [, content] = markedBy(name).exec(readFileSync(file, 'utf8')) ?? [];
  return content;
}

/** Replaces what lies between the comments. Throws where they are not there: the file says what is generated in it. */
export async function writeMarked(file, name, content) {
  const text = readFileSync(file, 'utf8');
  const marked = markedBy(name);
  if (!marked.test(text)) throw new Error(`The file has no place for "${name}".`);
  const whole = text.replace(
    marked,
    () => `<!-- begin: ${name} -->\n\n${content.trim()}\n\n<!-- end: ${name} -->`,
  );
  const options = await resolveConfig(file);
  writeFileSync(file, await format(whole, { ...options, filepath: String(file) }));
}

/** Makes a table of rows; the first column is text, the others are numbers. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '--:'));
  return [head, rule, ...rows].map(line).join('\n');
}

/**
 * The table that lies between the comments now, with one column as it was measured anew; the others are kept.
 *
 * @param rows The names of the rows, and what the column says about each.
 * @param keepOthers Whether rows that are not named stay as they are. Default: they are gone.
 */
export function withColumn(file, name, column, rows, keepOthers = false) {
  const cellsOf = (line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const lines = readMarked(file, name)?.trim().split('\n') ?? [];
  const [[, ...columns] = [], , ...known] = lines.filter((line) => line.startsWith('|')).map(cellsOf);
  const before = new Map(
    known.map(([row, ...cells]) => [row, new Map(columns.map((of, i) => [of, cells[i]]))]),
  );
  const all = [...new Set([...columns, column])].sort();
  const measured = new Map(rows);
  const names = keepOthers ? new Set([...before.keys(), ...measured.keys()]) : measured.keys();
  const now = [...names].map((row) => {
    const cells = new Map(before.get(row));
    if (measured.has(row)) cells.set(column, measured.get(row));
    return [row, ...all.map((of) => cells.get(of) ?? '')];
  });
  return table(['', ...all], now);
}

/** A page in which the chapters of another one have replaced those of the same names. */
export function withChapters(page, other) {
  const chaptersOf = (text) =>
    new Map(text.split(/^(?=### )/m).map((chapter) => [/^### .*/.exec(chapter)?.[0], chapter.trim()]));
  const chapters = new Map([...chaptersOf(page), ...chaptersOf(other)]);
  return [...chapters.values()].join('\n\n');
}

function markedBy(name) {
  return new RegExp(`<!-- begin: ${name} -->(.*?)<!-- end: ${name} -->`, 's');
}
