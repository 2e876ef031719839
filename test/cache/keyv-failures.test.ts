import { Keyv } from 'keyv';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyvClaimsCache } from '../../src/cache/keyv-claims-cache.ts';
import { openRedis } from '../../src/cache/redis.ts';
import { freezeClaims } from '../../src/claims.ts';
import { after, entryOf, eventually, kept, ready } from '../../src/testing/claims-cache-under-test.ts';
import { freePort } from '../../examples/cluster/servers.ts';
import { redisMissing, startRedis, type TestRedis } from '../support/redis.ts';

const secret = 'a secret of the tests';
const CLAIMS = freezeClaims({ active: true, sub: 'alice' });
const NAMES = (): string[] => ['sub'];
// 50 ms of the deadline, and what two busy cores may add.
const AT_ONCE_MS = 100;

const rejections: unknown[] = [];
const note = (reason: unknown): void => void rejections.push(reason);
process.on('unhandledRejection', note);
afterAll(() => {
  process.off('unhandledRejection', note);
});

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await after(20);
  expect(rejections).toEqual([]);
});

async function cacheOn(url: string): Promise<KeyvClaimsCache> {
  const { keyv, close } = await openRedis(url);
  const cache = new KeyvClaimsCache(keyv, { secret, close });
  closing.push(() => cache.close());
  return cache;
}

async function timed<T>(call: () => T | Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await call();
  return { value, ms: performance.now() - start };
}

/** Everything that a request does, while the store is of no use. */
async function expectMissAtOnce(cache: KeyvClaimsCache): Promise<void> {
  const entry = entryOf(CLAIMS);
  const slow: number[] = [];
  for (let request = 0; request < 20; request++) {
    const { value, ms } = await timed(async () => {
      const found = await cache.get('a');
      cache.set('a', entry);
      return found;
    });
    expect(value).toBeUndefined();
    expect(ms).toBeLessThan(AT_ONCE_MS);
    if (ms > 25) slow.push(ms);
  }
  // One finds out that the store does not answer, and the others do not wait for it.
  expect(slow.length).toBeLessThan(4);
}

const missing = redisMissing();
describe.skipIf(missing !== undefined)('a Redis in trouble', () => {
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis();
    closing.push(() => redis.stop());
  });

  it('is a miss at once when it is not there at the start, and is used when it comes (C11)', async () => {
    const port = await freePort();
    const { value: cache, ms } = await timed(() => cacheOn(`redis://127.0.0.1:${String(port)}`));
    expect(ms).toBeLessThan(1000);
    await expectMissAtOnce(cache);
    expect(await cache.notBefore(entryOf(CLAIMS), NAMES)).toBe(Infinity);
    await expect(cache.mark([{ name: 'sub', notBefore: 1, keepMs: 1000 }])).rejects.toThrow('Try again');
    await expect(cache.ping()).rejects.toThrow('cannot be asked');
    const late = await startRedis({ port });
    closing.push(() => late.stop());
    expect(
      await eventually(
        () =>
          cache.ping().then(
            () => true,
            () => false,
          ),
        5000,
      ),
    ).toBe(true);
    await ready(cache);
    await kept(cache, 'a', entryOf(CLAIMS));
  });

  it('is a miss at once when it was killed, and marks are not said to be made (C11)', async () => {
    const cache = await cacheOn(redis.url);
    await ready(cache);
    const entry = await kept(cache, 'a', entryOf(CLAIMS));
    expect(await cache.notBefore(entry, NAMES)).toBeLessThan(entry.startedAt);
    await redis.kill();
    await expectMissAtOnce(cache);
    await after(1050);
    expect((await timed(() => cache.notBefore(entry, NAMES))).value).toBe(Infinity);
    await expect(cache.mark([{ name: 'sub', notBefore: 1, keepMs: 1000 }])).rejects.toThrow('Try again');
  });

  it('is a miss at once when it hangs, and is used again when it goes on (C11)', async () => {
    const cache = await cacheOn(redis.url);
    await ready(cache);
    const entry = await kept(cache, 'a', entryOf(CLAIMS));
    redis.hang();
    await expectMissAtOnce(cache);
    await after(1050);
    const { value, ms } = await timed(() => cache.notBefore(entry, NAMES));
    expect(value).toBe(Infinity);
    expect(ms).toBeLessThan(AT_ONCE_MS);
    const marked = await timed(() =>
      cache.mark([{ name: 'x', notBefore: 1, keepMs: 1000 }]).then(
        () => 'made',
        () => 'not',
      ),
    );
    expect(marked.value).toBe('not');
    expect(marked.ms).toBeLessThan(1300);
    redis.resume();
    expect(await eventually(async () => (await cache.get('a')) !== undefined, 5000)).toBe(true);
    await ready(cache);
  });

  it(
    'is connected to anew when it hangs for long without closing the connection (C11)',
    { timeout: 15_000 },
    async () => {
      const { keyv, ping, close } = await openRedis(redis.url, { timeoutMs: 500 });
      closing.push(close);
      await ping();
      redis.hang();
      // As requests do: a socket that is written to is not idle, whatever comes back.
      const asking = setInterval(() => void keyv.get('y').catch(() => undefined), 100);
      closing.push(() => {
        clearInterval(asking);
        return Promise.resolve();
      });
      const hanging = keyv.get('x').then(
        () => 'answered',
        () => 'rejected',
      );
      expect(await Promise.race([hanging, after(8000)])).toBe('rejected');
      redis.resume();
      expect(
        await eventually(
          () =>
            ping().then(
              () => true,
              () => false,
            ),
          5000,
        ),
      ).toBe(true);
    },
  );

  it('lets nobody in by entries from before it was emptied, whose marks are lost (C11)', async () => {
    const [cache, other] = [await cacheOn(redis.url), await cacheOn(redis.url)];
    await Promise.all([ready(cache), ready(other)]);
    const entry = await kept(cache, 'a', entryOf(CLAIMS));
    await cache.mark([{ name: 'sub', notBefore: entry.startedAt + 5, keepMs: 60_000 }]);
    await redis.kill();
    await redis.restart();
    for (const one of [cache, other]) {
      await eventually(
        () =>
          one.ping().then(
            () => true,
            () => false,
          ),
        5000,
      );
      await after(1050);
      for (let time = 0; time < 20; time++) {
        expect(await one.notBefore({ ...entry }, NAMES)).toBeGreaterThanOrEqual(entry.startedAt);
        await after(20);
      }
      await ready(one);
    }
  });

  it('lets nobody in by entries from before it was brought back from a copy (C11)', async () => {
    const cache = await cacheOn(redis.url);
    const raw = await redis.raw();
    await ready(cache);
    const entry = await kept(cache, 'a', entryOf(CLAIMS));
    const names = (): string[] => ['sub'];
    expect(await cache.notBefore(entry, names)).toBeLessThan(entry.startedAt);
    const copy = await Promise.all(
      (await raw.keys('*')).map(async (key) => [key, await raw.get(key)] as const),
    );
    await cache.mark([{ name: 'sub', notBefore: entry.startedAt + 5, keepMs: 60_000 }]);
    await raw.flushAll();
    for (const [key, value] of copy) await raw.set(key, value ?? '');
    await after(1050);
    for (let time = 0; time < 20; time++) {
      expect(await cache.notBefore({ ...entry }, names)).toBeGreaterThanOrEqual(entry.startedAt);
      await after(20);
    }
    await ready(cache);
  });

  it('says nothing of the password, and goes on without it being right (E1)', async () => {
    const locked = await startRedis({ password: 'hidden-password' });
    closing.push(() => locked.stop());
    const cache = await cacheOn(locked.url.replace('hidden-password', 'wrong-password'));
    await expectMissAtOnce(cache);
    const error: unknown = await cache
      .mark([{ name: 'x', notBefore: 1, keepMs: 1 }])
      .catch((thrown: unknown) => thrown);
    expect(String((error as Error).stack)).not.toMatch(/password|127\.0\.0\.1/);
    expect((error as Error).cause).toBeUndefined();
    const right = await cacheOn(locked.url);
    await ready(right);
  });

  it('is not read less when it is too full to be written to', async () => {
    const cache = await cacheOn(redis.url);
    const raw = await redis.raw();
    await ready(cache);
    await kept(cache, 'a', entryOf(CLAIMS));
    await raw.configSet('maxmemory', '1');
    cache.set('b', entryOf(CLAIMS));
    await after(50);
    expect(await cache.get('a')).toBeDefined();
    await expect(cache.mark([{ name: 'x', notBefore: 1, keepMs: 1000 }])).rejects.toThrow('Try again');
  });
});

it.each(['not a url', 'http://user:hidden@127.0.0.1', 'redis://u:hidden@127.0.0.1/not-a-number'])(
  'refuses the URL %s without repeating it (E1)',
  async (url) => {
    const error: unknown = await openRedis(url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('hidden');
    expect((error as Error).cause).toBeUndefined();
  },
);

// A real store cannot be made to swallow what fails in all of the ways in which Keyv and its adapters do.
describe('a Keyv that says there is nothing where it could not look', () => {
  it.each(['with getMany', 'without getMany'])('lets no revoked entry be used: %s (C11)', async (kind) => {
    let isDown = false;
    const values = new Map<string, string>();
    const get = (key: string) => Promise.resolve(isDown ? undefined : values.get(key));
    const store = {
      get,
      set: (key: string, value: string) => Promise.resolve(isDown || Boolean(values.set(key, value))),
      delete: (key: string) => Promise.resolve(values.delete(key)),
      clear: () => Promise.resolve(),
      ...(kind === 'with getMany' && { getMany: (keys: string[]) => Promise.all(keys.map(get)) }),
    };
    const cache = new KeyvClaimsCache(new Keyv({ store }), { secret });
    await ready(cache);
    const entry = await kept(cache, 'a', entryOf(CLAIMS));
    await cache.mark([{ name: 'sub', notBefore: entry.startedAt + 5, keepMs: 60_000 }]);
    isDown = true;
    for (const begun of [entry.startedAt, entry.startedAt + 100]) {
      expect(await cache.notBefore({ ...entry, startedAt: begun }, NAMES)).toBeGreaterThanOrEqual(begun);
    }
    await after(1050);
    // Even what is begun from now on: the marks cannot be read.
    for (let time = 0; time < 10; time++) {
      const later = entryOf(CLAIMS);
      expect(await cache.notBefore(later, NAMES)).toBeGreaterThanOrEqual(later.startedAt);
      await after(50);
    }
    await expect(cache.mark([{ name: 'sub', notBefore: 1, keepMs: 1000 }])).rejects.toThrow('Try again');
  });
});
