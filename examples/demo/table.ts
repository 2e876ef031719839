/** One line of the demonstration: what was sent, what should come back, and what came. */
export interface Row {
  readonly request: string;
  readonly expected: string;
  readonly got: string;
  readonly why: string;
}

/** Whether a request was answered as it should be. */
export function isRight(row: Row): boolean {
  return row.got === row.expected;
}

const WIDTHS = { request: 28, answer: 27, why: 38 } as const;

/** Lays the rows out as a table for a terminal. */
export function renderTable(rows: readonly Row[], colour: boolean): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const rule = paint(2, '─'.repeat(2 + WIDTHS.request + 2 + WIDTHS.answer + 2 + WIDTHS.why));
  const lines = [paint(1, line('  ', 'REQUEST', 'ANSWER', 'WHY')), rule];
  for (const row of rows) {
    const right = isRight(row);
    const answer = right ? row.got : `${row.got}, and not ${row.expected}`;
    const cells = [wrap(row.request, WIDTHS.request), wrap(answer, WIDTHS.answer), wrap(row.why, WIDTHS.why)];
    const height = Math.max(...cells.map(({ length }) => length));
    for (let i = 0; i < height; i += 1) {
      const mark = i > 0 ? '  ' : right ? paint(32, '✓ ') : paint(31, '✗ ');
      lines.push(line(mark, cells[0]?.[i] ?? '', cells[1]?.[i] ?? '', cells[2]?.[i] ?? ''));
    }
    lines.push(rule);
  }
  return lines.join('\n');
}

function line(mark: string, request: string, answer: string, why: string): string {
  return `${mark}${request.padEnd(WIDTHS.request)}  ${answer.padEnd(WIDTHS.answer)}  ${why}`.trimEnd();
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const longer = lines[last] === '' ? word : `${lines[last] ?? ''} ${word}`;
    if (longer.length <= width || lines[last] === '') lines[last] = longer;
    else lines.push(word);
  }
  return lines;
}
