import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Bulkhead } from '../../src/authorization-server/bulkhead.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const endpoint = 'OIDC_OP_INTROSPECTION_ENDPOINT';
const logger = new RecordingLogger();

describe('a bulkhead', () => {
  it('lets in at once while there is room, and the others in their turn', async () => {
    const bulkhead = new Bulkhead({ logger, endpoint, limit: 2, queue: 2 });
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
    const bulkhead = new Bulkhead({ logger: log, endpoint, limit: 1, queue: 1 });
    void bulkhead.enter();
    const waiting = bulkhead.enter();
    for (let i = 0; i < 3; i++) {
      expect(() => bulkhead.enter()).toThrow(
        expect.objectContaining({ code: 'ERR_AS_UNAVAILABLE', retryAfter: 1 }) as Error,
      );
    }
    expect(log.only).toMatchObject({
      level: 'warn',
      fields: { event: 'as.overloaded', endpoint, under_way: 1, waiting: 1 },
    });
    bulkhead.leave();
    await waiting;
  });

  it('refuses whoever has waited too long, and gives the place to the next (A13)', async () => {
    const bulkhead = new Bulkhead({ logger, endpoint, limit: 1, queue: 5, waitMs: 20 });
    void bulkhead.enter();
    await expect(bulkhead.enter()).rejects.toMatchObject({ code: 'ERR_AS_UNAVAILABLE', retryAfter: 1 });
    const next = bulkhead.enter();
    bulkhead.leave();
    await next;
    bulkhead.leave();
    expect(bulkhead.enter()).toBeUndefined();
  });

  it('says again that it is overloaded, once there was room in between', () => {
    const log = new RecordingLogger();
    const bulkhead = new Bulkhead({ logger: log, endpoint, limit: 1, queue: 0 });
    for (let i = 0; i < 2; i++) {
      void bulkhead.enter();
      for (let j = 0; j < 3; j++) expect(() => bulkhead.enter()).toThrow();
      bulkhead.leave();
    }
    expect(log.records).toHaveLength(2);
  });

  it('makes no timer while there is room', () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const bulkhead = new Bulkhead({ logger, endpoint });
    for (let i = 0; i < 256; i++) expect(bulkhead.enter()).toBeUndefined();
    const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    expect(after).toBe(before);
  });
});
