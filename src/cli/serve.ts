import { setTimeout as wait } from 'node:timers/promises';
import { isResourceServerError } from '../errors.ts';
import { explain } from './check/explain.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type ForwardAuth, type ServeFlags, startForwardAuth } from './serve/forward-auth.ts';
import { stopSignals } from './serve/stop-signals.ts';
import type { Terminal } from './terminal.ts';

// What is left for closing connections once requests have been cut off, so that the process ends within the deadline.
const CLOSING_MS = 500;

/** Answers reverse proxies until it is told to stop, and resolves with 0. */
export async function serve(flags: ServeFlags, terminal: Terminal): Promise<ExitCode> {
  let forwardAuth: ForwardAuth;
  try {
    forwardAuth = await startForwardAuth(flags, terminal);
  } catch (error) {
    if (!isResourceServerError(error) || error.code !== 'ERR_USER_STORE') throw error;
    terminal.err(`--database: the table of users cannot be made there: ${explain(error.cause)}.`);
    return EXIT.unavailable;
  }
  await untilStopped(forwardAuth, flags.drainSeconds * 1000);
  return EXIT.ok;
}

async function untilStopped({ server, log, close }: ForwardAuth, deadlineMs: number): Promise<void> {
  const signals = stopSignals();
  const signal = await signals.first;
  log.write(
    'info',
    { event: 'serve.draining', signal },
    'No new requests are taken; those in flight finish.',
  );
  // Whatever a connection or a hook still waits for then, the process ends.
  const end = setTimeout(() => process.exit(EXIT.ok), deadlineMs).unref();
  const pause = (ms: number): Promise<unknown> =>
    Promise.race([wait(ms, undefined, { ref: false }), signals.second]);

  const finished = await server.drain(pause(Math.max(0, deadlineMs - CLOSING_MS)));
  const message = finished ? 'Every request was answered.' : 'Requests in flight were cut off.';
  log.write('info', { event: 'serve.stopped' }, message);
  const closed = await Promise.race([close().then(() => true), pause(CLOSING_MS).then(() => false)]);
  if (!closed) process.exit(EXIT.ok);
  clearTimeout(end);
  signals.release();
}
