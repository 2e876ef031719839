import { beforeEach, describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../src/authorization-server/circuit-breaker.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { eventsOf } from '../support/faults.ts';

const DOWN = { name: 'AuthorizationServerError', code: 'ERR_AS_UNAVAILABLE' };
const endpoint = 'OIDC_OP_INTROSPECTION_ENDPOINT';

let now = 0;
let logger: RecordingLogger;
let breaker: CircuitBreaker;
beforeEach(() => {
  now = 0;
  logger = new RecordingLogger();
  breaker = new CircuitBreaker({ logger, endpoint, now: () => now });
});

function fail(times: number): void {
  for (let i = 0; i < times; i++) breaker.failed(breaker.enter());
}

function refusal(): unknown {
  try {
    breaker.enter();
  } catch (error) {
    return error;
  }
  return undefined;
}

const OPEN = 'warn breaker.open';
const HALF_OPEN = 'info breaker.half_open';
const CLOSED = 'info breaker.closed';

describe('a circuit breaker', () => {
  it('refuses at once after five failures in a row, and says when to try again (A13)', () => {
    fail(4);
    expect(refusal()).toBeUndefined();
    fail(1);
    for (let i = 0; i < 100; i++) expect(refusal()).toMatchObject({ ...DOWN, retryAfter: 1 });
    expect(logger.only).toMatchObject({ level: 'warn', fields: { event: 'breaker.open', endpoint } });
    const { ms } = logger.only.fields;
    expect(ms).toBeGreaterThanOrEqual(750);
    expect(ms).toBeLessThanOrEqual(1000);
  });

  it('does not count failures that are not in a row', () => {
    for (let i = 0; i < 5; i++) {
      fail(4);
      breaker.succeeded(breaker.enter());
    }
    expect(refusal()).toBeUndefined();
    expect(logger.records).toEqual([]);
  });

  it('lets exactly one request find out whether the server is back, and closes when it is (A13)', () => {
    fail(5);
    now = 1000;
    const probe = breaker.enter();
    for (let i = 0; i < 100; i++) expect(refusal()).toMatchObject({ ...DOWN, retryAfter: 1 });
    breaker.succeeded(probe);
    expect(refusal()).toBeUndefined();
    expect(eventsOf(logger)).toEqual([OPEN, HALF_OPEN, CLOSED]);
    // It counts anew.
    fail(4);
    expect(refusal()).toBeUndefined();
  });

  it('waits twice as long after each probe that fails, less up to a quarter, up to half a minute (A13)', () => {
    fail(5);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      const openedAt = now;
      now = openedAt + seconds * 750 - 1;
      const rest = (refusal() as { retryAfter: number }).retryAfter;
      expect(rest).toBeGreaterThanOrEqual(1);
      expect(rest).toBeLessThanOrEqual(Math.ceil(seconds / 4 + 0.001));
      now = openedAt + seconds * 1000;
      breaker.failed(breaker.enter());
      expect(refusal()).toMatchObject(DOWN);
    }
    expect(eventsOf(logger).slice(0, 4)).toEqual([OPEN, HALF_OPEN, OPEN, HALF_OPEN]);
    expect(eventsOf(logger)).toHaveLength(15);
  });

  it('starts at a second again once it has been closed', () => {
    fail(5);
    now = 1000;
    breaker.failed(breaker.enter());
    now = 3000;
    breaker.succeeded(breaker.enter());
    fail(5);
    now = 4000;
    expect(refusal()).toBeUndefined();
  });

  it('does not wake all replicas at the same moment (A13)', () => {
    const waits = Array.from({ length: 20 }, () => {
      const log = new RecordingLogger();
      const replica = new CircuitBreaker({ logger: log, endpoint, now: () => now });
      for (let i = 0; i < 5; i++) replica.failed(replica.enter());
      return log.only.fields.ms;
    });
    expect(new Set(waits).size).toBeGreaterThan(5);
  });

  it('opens at once for as long as the server asks, a minute at most (A6)', () => {
    breaker.failed(breaker.enter(), 7);
    expect(refusal()).toMatchObject({ retryAfter: 7 });
    now = 6_999;
    expect(refusal()).toMatchObject({ retryAfter: 1 });
    now = 7_000;
    breaker.failed(breaker.enter(), 86_400);
    expect(refusal()).toMatchObject({ retryAfter: 60 });
    now += 60_000;
    expect(refusal()).toBeUndefined();
  });

  it('takes Retry-After: 0 for a failure like any other (A6)', () => {
    breaker.failed(breaker.enter(), 0);
    expect(refusal()).toBeUndefined();
  });

  it('is neither closed nor opened by requests from before it opened (A13)', () => {
    const early = Array.from({ length: 12 }, () => breaker.enter());
    fail(5);
    breaker.succeeded(early.pop() as number);
    expect(refusal()).toMatchObject(DOWN);

    now = 1000;
    const probe = breaker.enter();
    breaker.failed(early.pop() as number, 30);
    breaker.succeeded(early.pop() as number);
    expect(refusal()).toMatchObject(DOWN);
    breaker.succeeded(probe);

    // Their timeouts come when it is closed again: they tell of a server that was down then.
    for (const pass of early) breaker.failed(pass, 30);
    expect(refusal()).toBeUndefined();
    expect(eventsOf(logger)).toEqual([OPEN, HALF_OPEN, CLOSED]);
  });

  it('does not let an old success hide failures of now', () => {
    const early = breaker.enter();
    fail(5);
    now = 1000;
    breaker.succeeded(breaker.enter());
    fail(4);
    breaker.succeeded(early);
    fail(1);
    expect(refusal()).toMatchObject(DOWN);
  });

  it('is not stuck with a probe that a failing logger has stopped', () => {
    fail(5);
    now = 1000;
    const { info } = logger;
    logger.info = () => {
      throw new Error('disk full');
    };
    expect(() => breaker.enter()).toThrow('disk full');
    logger.info = info;
    breaker.succeeded(breaker.enter());
    expect(refusal()).toBeUndefined();
  });

  it('goes by the monotonic clock unless told otherwise (X5)', () => {
    const real = new CircuitBreaker({ logger, endpoint });
    for (let i = 0; i < 5; i++) real.failed(real.enter());
    const { now: wallClock } = Date;
    Date.now = () => wallClock() + 3_600_000;
    try {
      expect(() => real.enter()).toThrow(expect.objectContaining(DOWN) as Error);
    } finally {
      Date.now = wallClock;
    }
  });
});
