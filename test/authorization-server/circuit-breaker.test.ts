import { beforeEach, describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../src/authorization-server/circuit-breaker.ts';
import { AuthorizationServerError } from '../../src/errors.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const DOWN = new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'No answer came.');
const UNTRUSTED = new AuthorizationServerError('ERR_AS_UNTRUSTED_RESPONSE', 'Not to be believed.');

let now = 0;
let asked = 0;
let logger: RecordingLogger;
let breaker: CircuitBreaker;
beforeEach(() => {
  now = 0;
  asked = 0;
  logger = new RecordingLogger();
  breaker = new CircuitBreaker({ logger, now: () => now });
});

interface Answer {
  readonly status: number;
  readonly retryAfter?: number;
}

function ask(answer: () => Promise<Answer>): Promise<Answer> {
  return breaker.run(
    () => {
      asked += 1;
      return answer();
    },
    ({ status, retryAfter }) => (status === 200 ? undefined : { retryAfter }),
  );
}

const good = (): Promise<Answer> => Promise.resolve({ status: 200 });
const down = (): Promise<Answer> => Promise.reject(DOWN);
const failing = (retryAfter?: number) => (): Promise<Answer> =>
  Promise.resolve({ status: 503, ...(retryAfter !== undefined && { retryAfter }) });
const events = (): unknown[] => logger.records.map(({ fields }) => fields.event);

async function fail(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await expect(ask(down)).rejects.toBe(DOWN);
}

/** An answer that comes when it is told to. */
function pending() {
  let resolve: (answer: Answer) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const answer = new Promise<Answer>((yes, no) => ([resolve, reject] = [yes, no]));
  return { answer: () => answer, resolve, reject };
}

describe('a circuit breaker', () => {
  it('refuses at once after five failures in a row, and says when to try again (A13)', async () => {
    await fail(5);
    const error = await ask(good).catch((thrown: unknown) => thrown);
    expect(asked).toBe(5);
    expect(error).toMatchObject({ code: 'ERR_AS_UNAVAILABLE', retryAfter: 1 });
    expect(events()).toEqual(['breaker.open']);
    expect(logger.only.level).toBe('warn');
  });

  it('does not count failures that are not in a row', async () => {
    for (let i = 0; i < 5; i++) {
      await fail(4);
      await ask(good);
    }
    expect(asked).toBe(25);
    expect(events()).toEqual([]);
  });

  it('does not count what the server says about a token or about us (R6)', async () => {
    for (let i = 0; i < 10; i++) await expect(ask(() => Promise.reject(UNTRUSTED))).rejects.toBe(UNTRUSTED);
    await ask(good);
    expect(events()).toEqual([]);
  });

  it('lets one request find out whether the server is back, and closes when it is (A13)', async () => {
    await fail(5);
    now = 1000;
    const probe = pending();
    const first = ask(probe.answer);
    await expect(ask(good)).rejects.toMatchObject({ code: 'ERR_AS_UNAVAILABLE', retryAfter: 1 });
    expect(asked).toBe(6);
    probe.resolve({ status: 200 });
    await first;
    await Promise.all([ask(good), ask(good)]);
    expect(asked).toBe(8);
    expect(events()).toEqual(['breaker.open', 'breaker.half_open', 'breaker.closed']);
    // It starts anew.
    await fail(4);
    await ask(good);
  });

  it('waits twice as long after each attempt that fails, up to half a minute (A13)', async () => {
    await fail(5);
    let longest = 0;
    for (let i = 0; i < 8; i++) {
      const before = now;
      while ((await ask(down).catch((error: unknown) => error)) !== DOWN) now += 50;
      longest = now - before;
    }
    expect(longest).toBeGreaterThan(22_000);
    expect(longest).toBeLessThanOrEqual(30_050);
    expect(events().filter((event) => event === 'breaker.open')).toHaveLength(1);
  });

  it('stays away for as long as the server asks, a minute at most (A6)', async () => {
    await ask(failing(7));
    await expect(ask(good)).rejects.toMatchObject({ retryAfter: 7 });
    now = 6_999;
    await expect(ask(good)).rejects.toMatchObject({ retryAfter: 1 });
    now = 7_000;
    await ask(failing(86_400));
    now += 60_000;
    await ask(good);
  });

  it('takes Retry-After: 0 for a failure like any other', async () => {
    await ask(failing(0));
    await ask(good);
    expect(asked).toBe(2);
  });

  it('is neither closed nor kept open by requests from before it opened', async () => {
    const [lateGood, lateBad] = [pending(), pending()];
    const late = [ask(lateGood.answer), ask(lateBad.answer).catch(() => undefined)];
    await fail(5);
    lateGood.resolve({ status: 200 });
    await late[0];
    await expect(ask(good)).rejects.toMatchObject({ code: 'ERR_AS_UNAVAILABLE' });
    now = 1000;
    const probe = pending();
    const probing = ask(probe.answer);
    lateBad.reject(DOWN);
    await late[1];
    probe.resolve({ status: 200 });
    await probing;
    await ask(good);
    expect(events()).toEqual(['breaker.open', 'breaker.half_open', 'breaker.closed']);
  });

  it('lets the next one find out where the first one has learnt nothing', async () => {
    await fail(5);
    now = 1000;
    await expect(ask(() => Promise.reject(UNTRUSTED))).rejects.toBe(UNTRUSTED);
    await ask(good);
    expect(events().at(-1)).toBe('breaker.closed');
  });

  it('goes by a clock that never steps (X5)', async () => {
    await fail(5);
    now = 999.9 * 0.75;
    // Between 750 and 1000 ms, so that not all processes ask at the same moment.
    await expect(ask(good)).rejects.toMatchObject({ code: 'ERR_AS_UNAVAILABLE' });
    now = 1000;
    await ask(good);
  });
});
