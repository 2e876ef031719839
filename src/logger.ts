import type { Logger } from './types.ts';

/** Where events go when the application passes no logger: warnings and alarms to stderr, one line each, the rest nowhere. */
export const stderrLogger: Logger = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: (fields: object, message: string) => {
    write('warning', fields, message);
  },
  error: (fields: object, message: string) => {
    write('ALARM', fields, message);
  },
});

// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

// One event, one line: what stands in a token must not be able to forge another, nor to speak to a terminal.
function write(level: string, fields: object, message: string): void {
  const line = `[oidc-resource-server] ${level}: ${message} ${JSON.stringify(fields)}`;
  console.error(line.replace(CONTROL_CHARACTERS, ' '));
}
