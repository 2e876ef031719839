import { STATUS_CODES } from 'node:http';
import { paint, printable, type Terminal } from '../terminal.ts';
import type { Finding } from './finding.ts';
import type { Report } from './report.ts';

const MARKS = { pass: ['green', '✓'], fail: ['red', '✗'], skip: ['gray', '–'] } as const;

/** Shows a report to a person. */
export function render(report: Report, terminal: Terminal): void {
  const { steps, claims, jwe, jws } = report;
  steps.forEach((step, index) => {
    terminal.out(line(step, `${String(index + 1)} ${step.name}`, terminal));
    for (const check of step.checks) terminal.out(`  ${line(check, check.name, terminal)}`);
  });
  const tables = [
    ['JWE header', jwe],
    ['JWS header', jws],
    ['Claims', claims],
  ] as const;
  for (const [title, members] of tables) {
    if (members !== undefined) table(title, members, terminal);
  }
  renderAnswer(report, terminal);
}

function line({ status, expected, found, remedy }: Finding, title: string, terminal: Terminal): string {
  const [colour, mark] = MARKS[status];
  const sentence = `${title}: ${expected}; ${found}`.replace(/\.$/, '');
  return `${paint(terminal, colour, mark)} ${sentence}.${remedy === undefined ? '' : ` ${remedy}`}`;
}

function table(title: string, members: Readonly<Record<string, unknown>>, terminal: Terminal): void {
  terminal.out(`\n${paint(terminal, 'bold', title)}`);
  for (const [name, value] of Object.entries(members)) {
    terminal.out(`  ${printable(name, 60)}: ${printable(JSON.stringify(value), 1000)}`);
  }
}

function renderAnswer({ answer }: Report, terminal: Terminal): void {
  const { status } = answer;
  const colour = status === 200 ? 'green' : 'red';
  terminal.out(`\n${paint(terminal, 'bold', 'Your API would answer')}`);
  const phrase = `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`;
  terminal.out(`  ${paint(terminal, colour, phrase)}`);
  if ('identity' in answer) {
    terminal.out('  and its route would be handed:');
    for (const [name, value] of Object.entries(answer.identity)) {
      const written: unknown = Array.isArray(value) ? value.join(' ') : value;
      terminal.out(`  ${name}: ${printable(written, 1000)}`);
    }
    return;
  }
  for (const [name, values] of Object.entries(answer.headers)) {
    for (const value of [values].flat()) terminal.out(`  ${name}: ${value}`);
  }
  terminal.out(`\n  ${answer.body}`);
}

const CONTROL_CHARACTERS = /[\u007f-\u009f\u2028\u2029]/g;

/** The report in one line of JSON that cannot steer a terminal: JSON itself leaves some control characters as they are. */
export function renderJson(report: Report): string {
  return JSON.stringify(report).replace(
    CONTROL_CHARACTERS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
