import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import { type HttpAdapter, HttpError, type HttpResponse } from '../../src/http/http-adapter.ts';
import { failureOf, eventsOf } from '../support/faults.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const REQUEST = { method: 'GET', url: 'http://127.0.0.1:1/', headers: {} } as const;
const GOOD: HttpResponse = { status: 200, headers: {}, body: Buffer.from('{}') };
const DOWN = { code: 'ERR_AS_UNAVAILABLE' };

/** A network whose every answer comes when the test says so: no real one can be stopped half-way in this order. */
class HeldNetwork implements HttpAdapter {
  readonly held: { answer: (response: HttpResponse) => void; fail: () => void }[] = [];

  request(): Promise<HttpResponse> {
    return new Promise((answer, reject) => {
      this.held.push({
        answer,
        fail: () => {
          reject(new HttpError('timeout'));
        },
      });
    });
  }
}

function protectedExchange(timeoutMs = 5000) {
  const http = new HeldNetwork();
  const logger = new RecordingLogger();
  const exchange = new Exchange({ http, logger, timeoutMs, protect: 'OIDC_OP_INTROSPECTION_ENDPOINT' });
  const send = () => exchange.send(REQUEST).catch((error: unknown) => error);
  return { exchange, send, held: http.held, logger };
}

describe('a protected exchange', () => {
  it('finds out whether the server is back although requests from before still hang (A13)', async () => {
    const { exchange, send, held } = protectedExchange();
    const early = Array.from({ length: 256 }, send);
    for (const { fail } of held.slice(0, 5)) fail();
    await Promise.all(early.slice(0, 5));
    // Those that come now are refused at once, however many, and keep none of the five places.
    const refused = await Promise.all(Array.from({ length: 2000 }, send));
    for (const error of refused) expect(error).toMatchObject({ ...DOWN, retryAfter: 1 });
    await wait(1010);
    const probe = send();
    expect(held).toHaveLength(257);
    held[256]?.answer(GOOD);
    expect(await probe).toBe(GOOD);
    // Five places are free, and not six.
    const later = Array.from({ length: 6 }, send);
    expect(held).toHaveLength(262);
    for (const { answer } of held) answer(GOOD);
    await later[0];
    await Promise.resolve();
    for (const { answer } of held) answer(GOOD);
    await Promise.all([...early, ...later]);
    const last = exchange.send(REQUEST);
    held.at(-1)?.answer(GOOD);
    expect(await last).toBe(GOOD);
  });

  it('refuses whoever is in the queue when the server turns out to be down (A13)', async () => {
    const { send, held, logger } = protectedExchange();
    const early = Array.from({ length: 256 }, send);
    const queued = Array.from({ length: 300 }, send);
    const startedAt = performance.now();
    for (const { fail } of held.slice(0, 5)) fail();
    for (const error of await Promise.all(queued)) expect(error).toMatchObject(DOWN);
    // Before the second was over that they would have waited for at most.
    expect(performance.now() - startedAt).toBeLessThan(700);
    // At most those went out whose turn came before the fifth failure.
    expect(held.length).toBeLessThanOrEqual(260);
    expect(eventsOf(logger, ['warn']).filter((event) => event.endsWith('open'))).toHaveLength(1);
    for (const { answer } of held) answer(GOOD);
    await Promise.all(early);
  });

  it('gives every place back, whatever became of the request (A13)', async () => {
    const { send, held } = protectedExchange();
    for (let round = 0; round < 4; round++) {
      const requests = Array.from({ length: 256 }, send);
      expect(held).toHaveLength(256);
      // An odd one out each time, so that it stays closed.
      for (const [i, { answer, fail }] of held.splice(0).entries())
        if (i % 2) answer(GOOD);
        else fail();
      await Promise.all(requests);
    }
  });

  it('lets nobody wait in the queue for longer than OIDC_TIMEOUT (A2)', async () => {
    const { send, held } = protectedExchange(30);
    const early = Array.from({ length: 256 }, send);
    const startedAt = performance.now();
    expect(await send()).toMatchObject({ ...DOWN, retryAfter: 1 });
    expect(performance.now() - startedAt).toBeLessThan(700);
    for (const { answer } of held) answer(GOOD);
    await Promise.all(early);
  });

  it('waits for no tick of its own while there is room', () => {
    const { send, held } = protectedExchange();
    void send();
    expect(held).toHaveLength(1);
    held[0]?.answer(GOOD);
  });
});

describe('an exchange', () => {
  it('is not protected unless it is told to be: what has a cooldown needs no breaker', async () => {
    const http = new HeldNetwork();
    const exchange = new Exchange({ http, logger: new RecordingLogger(), timeoutMs: 1000 });
    for (let i = 0; i < 10; i++) {
      const sent = failureOf(exchange.send(REQUEST));
      http.held.pop()?.fail();
      expect(await sent).toMatchObject({ ...DOWN, retryAfter: undefined });
    }
  });
});
