import type { Logger } from '../../types.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';
type Fields = Readonly<Record<string, unknown>>;

/** A logger of one JSON object a line, and what writes a line that is no event of the library. */
export interface JsonLog extends Logger {
  write(level: Level, fields: Fields, message?: string): void;
}

// Refusals are on the line of their request already, unless they hint at a setting that does not fit.
const ON_THE_REQUEST = new Set(['request.rejected', 'token.rejected', 'user.refused']);
// JSON.stringify leaves these as they are, and terminals act on some.
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g;

/** Makes a log of JSON lines: `time`, `level`, then the event with its fields, then `msg`. */
export function jsonLog(writeLine: (line: string) => void): JsonLog {
  const write = (level: Level, fields: Fields, message?: string): void => {
    const line = JSON.stringify({ time: new Date().toISOString(), level, ...fields, msg: message });
    writeLine(line.replace(UNESCAPED, escape));
  };
  return Object.freeze<JsonLog>({
    write,
    debug: () => undefined,
    info: (fields, message) => {
      if (!ON_THE_REQUEST.has(String(fields.event))) write('info', fields, message);
    },
    warn: (fields, message) => {
      write('warn', fields, message);
    },
    error: (fields, message) => {
      write('error', fields, message);
    },
  });
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
