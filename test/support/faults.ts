import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { AuthorizationServerError, AuthorizationServerErrorCode } from '../../src/errors.ts';
import type { RecordingLogger } from './recording-logger.ts';

export const UNAVAILABLE = 'ERR_AS_UNAVAILABLE';
export const UNTRUSTED = 'ERR_AS_UNTRUSTED_RESPONSE';
export const REJECTED = 'ERR_AS_CLIENT_REJECTED';

const EVENTS: Readonly<Record<AuthorizationServerErrorCode, string>> = {
  [UNAVAILABLE]: 'warn as.unavailable',
  [UNTRUSTED]: 'error as.untrusted',
  [REJECTED]: 'error as.client_rejected',
};

/** Stands for all that an authorization server may say: no error and no log line may have it. */
export const MARKER = 'words-of-the-upstream';

/** Waits for what must fail, and returns why. */
export async function failureOf(call: unknown): Promise<unknown> {
  const outcome = await Promise.resolve(call).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  expect.unreachable(`it did not fail, but resolved with ${inspect(outcome.value)}`);
}

/**
 * The failure of a call to the authorization server: of that code, logged once under its event, and neither the error
 * nor the log shows a secret or a word of the upstream's (A7, A9).
 */
export async function faultOf(
  call: Promise<unknown>,
  log: RecordingLogger,
  code: AuthorizationServerErrorCode,
  secrets: readonly string[] = [],
): Promise<AuthorizationServerError> {
  const error = (await failureOf(call)) as AuthorizationServerError;
  expect(error).toMatchObject({ name: 'AuthorizationServerError', code });
  expect(error.cause).toBeUndefined();
  // A server that asks to be left alone is, which is another event.
  const events = eventsOf(log, ['warn', 'error']).filter((event) => event !== 'warn breaker.open');
  expect(events).toEqual([EVENTS[code]]);
  const shown = everythingIn(error, log.records);
  for (const secret of [MARKER, ...secrets, ...secrets.map(encodeURIComponent)]) {
    expect(shown).not.toContain(secret);
  }
  return error;
}

/** The level and the event of each line of a log, in order: `error as.untrusted`. */
export function eventsOf(
  log: RecordingLogger,
  levels: readonly string[] = ['info', 'warn', 'error'],
): readonly string[] {
  return log.records
    .filter(({ level }) => levels.includes(level))
    .map(({ level, fields }) => `${level} ${String(fields['event'])}`);
}

/** Everything that somebody who logs these values can come to see, hidden members and causes included. */
export function everythingIn(...values: readonly unknown[]): string {
  const shown = values.flatMap((value) => [
    inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity }),
    JSON.stringify(value),
    value instanceof Error ? `${value.message}\n${value.stack ?? ''}` : '',
  ]);
  return shown.join('\n');
}
