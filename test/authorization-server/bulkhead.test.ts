import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Bulkhead } from '../../src/authorization-server/bulkhead.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const logger = new RecordingLogger();

describe('a bulkhead', () => {
  it('lets in at once while there is room, and the others in their turn', async () => {
    const bulkhead = new Bulkhead({ logger, limit: 2, queue: 2 });
    expect([bulkhead.enter(), bulkhead.enter()]).toEqual([undefined, undefined]);
    const order: number[] = [];
    const waiting = [1, 2].map(async (number) => {
      await bulkhead.enter();
      order.push(number);
    });
    await wait(5);
    expect(order).toEqual([]);
    bulkhead.leave();
    await waiting[0];
    bulkhead.leave();
    await waiting[1];
    expect(order).toEqual([1, 2]);
    bulkhead.leave();
    bulkhead.leave();
    expect(bulkhead.enter()).toBeUndefined();
  });

  it('refuses at once where too many wait, and says so once (A13)', async () => {
    const log = new RecordingLogger();
    const bulkhead = new Bulkhead({ logger: log, limit: 1, queue: 1 });
    void bulkhead.enter();
    const waiting = bulkhead.enter();
    for (let i = 0; i < 3; i++) {
      expect(() => bulkhead.enter()).toThrow(
        expect.objectContaining({ code: 'ERR_AS_UNAVAILABLE', retryAfter: 1 }) as Error,
      );
    }
    expect(log.only).toMatchObject({
      level: 'warn',
      fields: { event: 'as.overloaded', under_way: 1, waiting: 1 },
    });
    bulkhead.leave();
    await waiting;
  });

  it('refuses whoever has waited too long, and gives the place to the next (A13)', async () => {
    const bulkhead = new Bulkhead({ logger, limit: 1, queue: 5, waitMs: 20 });
    void bulkhead.enter();
    await expect(bulkhead.enter()).rejects.toMatchObject({ code: 'ERR_AS_UNAVAILABLE' });
    const next = bulkhead.enter();
    bulkhead.leave();
    await next;
    bulkhead.leave();
    expect(bulkhead.enter()).toBeUndefined();
  });
});
