import { text } from 'node:stream/consumers';
import { styleText } from 'node:util';

/** What a command knows of the world outside: where it writes, what it reads. Tests bring their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether colours are understood, and wanted. */
  readonly colours: boolean;
  /** Whether somebody types at standard input, rather than a file or a pipe. */
  readonly interactive: boolean;
  /** Writes one line, or several, of the result. */
  out(line: string): void;
  /** Writes a line that is not the result: what is under way, what went wrong. */
  err(line: string): void;
  /** Reads standard input to its end. */
  readInput(): Promise<string>;
}

/** The terminal of this process. Colours need a terminal, and nobody who asked for none by `NO_COLOR`. */
export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process;
  return {
    env,
    colours: stdout.isTTY && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb',
    interactive: stdin.isTTY,
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    readInput: () => text(stdin),
  };
}

type Colour = Parameters<typeof styleText>[0];

/** Colours a text where colours are understood. */
export function paint(terminal: Pick<Terminal, 'colours'>, colour: Colour, written: string): string {
  return terminal.colours ? styleText(colour, written, { validateStream: false }) : written;
}

// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** What somebody else wrote, in one line that cannot steer a terminal, and no longer than a reader wants it. */
export function printable(written: unknown, length = 200): string {
  const line = String(written).replace(CONTROL_CHARACTERS, '\uFFFD');
  return line.length > length ? `${line.slice(0, length)}…` : line;
}
