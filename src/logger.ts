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

// JSON escapes line breaks and control characters, so that nothing in a token can forge a line.
function write(level: string, fields: object, message: string): void {
  console.error(
    `[oidc-resource-server] ${level}: ${JSON.stringify(message).slice(1, -1)} ${JSON.stringify(fields)}`,
  );
}
