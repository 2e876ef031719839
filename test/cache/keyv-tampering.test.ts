import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KeyvClaimsCache } from '../../src/cache/keyv-claims-cache.ts';
import { openRedis } from '../../src/cache/redis.ts';
import { freezeClaims } from '../../src/claims.ts';
import { after, entryOf, eventually, kept, ready } from '../../src/testing/claims-cache-under-test.ts';
import { redisMissing, startRedis, type TestRedis } from '../support/redis.ts';

const secret = 'a secret of the tests';
const ALICE = freezeClaims({ active: true, sub: 'alice@secret.example' });
const MALLORY = freezeClaims({ active: true, sub: 'mallory' });
const NAMES = (): string[] => ['sub'];
const KEEP_MS = 60_000;

describe.skipIf(redisMissing() !== undefined)('somebody else who can write to the Redis', () => {
  let redis: TestRedis;
  let raw: Awaited<ReturnType<TestRedis['raw']>>;
  let cache: KeyvClaimsCache;
  const opened: KeyvClaimsCache[] = [];

  async function open(options: { secret?: string; wallNow?: () => number } = {}): Promise<KeyvClaimsCache> {
    const { keyv, close } = await openRedis(redis.url);
    const made = new KeyvClaimsCache(keyv, { secret, timeoutMs: 500, close, ...options });
    opened.push(made);
    return made;
  }
  /** The key in the Redis of what has this name here. */
  async function keyOf(name: string): Promise<string> {
    const [key] = (await raw.keys('*')).filter((one) => one.endsWith(`:${name}`));
    if (key === undefined) throw new Error(`There is no key for ${name}.`);
    return key;
  }

  beforeAll(async () => {
    redis = await startRedis();
    raw = await redis.raw();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await raw.flushAll();
    cache = await open();
    await ready(cache);
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  it('reads nothing of the claims, nor of the token (C2)', async () => {
    await kept(cache, 'a', entryOf(ALICE));
    await cache.mark([{ name: 'sub', notBefore: 5, keepMs: KEEP_MS }]);
    for (const key of await raw.keys('*')) {
      const value = (await raw.get(key)) ?? '';
      const seen = `${key} ${value} ${Buffer.from(value, 'base64').toString('latin1')}`;
      expect(seen).not.toContain('alice');
      expect(seen).not.toContain('active');
      expect(seen).not.toContain(secret);
    }
    expect(await raw.pTTL(await keyOf('claims:a'))).toBeGreaterThan(0);
  });

  it('becomes nobody by a changed value: any bit of it makes it a miss (C11)', async () => {
    await kept(cache, 'a', entryOf(MALLORY));
    const key = await keyOf('claims:a');
    const bytes = Buffer.from((await raw.get(key)) ?? '', 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await raw.set(key, changed.toString('base64'));
      expect(await cache.get('a'), `byte ${String(at)}`).toBeUndefined();
    }
    await raw.set(key, bytes.toString('base64'));
    expect(await cache.get('a')).toBeDefined();
  });

  it('becomes nobody by moving a value to another key (C1, C11)', async () => {
    await kept(cache, 'alice', entryOf(ALICE));
    await kept(cache, 'mallory', entryOf(MALLORY));
    const alices = (await raw.get(await keyOf('claims:alice'))) ?? '';
    await raw.set(await keyOf('claims:mallory'), alices);
    expect(await cache.get('mallory')).toBeUndefined();
    // Nor is what is of one kind taken for another.
    await cache.mark([{ name: 'mallory', notBefore: 5, keepMs: KEEP_MS }]);
    await raw.set(await keyOf('claims:mallory'), (await raw.get(await keyOf('mark:mallory'))) ?? '');
    expect(await cache.get('mallory')).toBeUndefined();
  });

  it('becomes nobody with another secret (C11)', async () => {
    const theirs = await open({ secret: 'another secret' });
    await ready(theirs);
    await kept(cache, 'mine', entryOf(ALICE));
    const ours = await keyOf('claims:mine');
    expect(await theirs.get('mine')).toBeUndefined();
    await kept(theirs, 'mine', entryOf(freezeClaims({ active: true, sub: 'admin' })));
    const [other] = (await raw.keys('*:claims:mine')).filter((key) => key !== ours);
    await raw.set(ours, (await raw.get(other ?? '')) ?? '');
    expect(await cache.get('mine')).toBeUndefined();
    // They do not disturb each other either: each has an epoch of its own.
    await after(1100);
    await ready(cache);
    await ready(theirs);
  });

  it.each([
    '',
    'garbage',
    '{}',
    'null',
    '{"value":{"active":true},"expires":null}',
    'AQ==',
    'A'.repeat(100_000),
  ])('becomes nobody by writing %.40s (C11)', async (garbage) => {
    await kept(cache, 'a', entryOf(MALLORY));
    await raw.set(await keyOf('claims:a'), garbage);
    expect(await cache.get('a')).toBeUndefined();
    await raw.del(await keyOf('claims:a'));
    await kept(cache, 'b', entryOf(MALLORY));
    await raw.del(await keyOf('claims:b'));
    expect(await cache.get('b')).toBeUndefined();
  });

  it('cannot make an entry live longer by writing it again later (C3)', async () => {
    await kept(cache, 'a', entryOf(MALLORY, { keptMs: 300 }));
    const key = await keyOf('claims:a');
    const value = (await raw.get(key)) ?? '';
    await after(350);
    await raw.set(key, value);
    expect(await cache.get('a')).toBeUndefined();
  });

  it('cannot have an entry used by a clock that is ahead, and time never grows (X5)', async () => {
    const ahead = await open({ wallNow: () => Date.now() + 60_000 });
    ahead.set('a', entryOf(MALLORY));
    await after(100);
    expect(await cache.get('a')).toBeUndefined();
    const slightly = await open({ wallNow: () => Date.now() + 2000 });
    await kept(slightly, 'b', entryOf(MALLORY, { keptMs: 30_000 }));
    const found = await cache.get('b');
    expect((found?.keptUntil ?? Infinity) - performance.now()).toBeLessThanOrEqual(30_000);
  });

  it('undoes no revocation by garbage in place of a mark (C11)', async () => {
    const entry = entryOf(MALLORY);
    await cache.mark([{ name: 'sub', notBefore: entry.startedAt + 5, keepMs: KEEP_MS }]);
    await cache.mark([{ name: 'earlier', notBefore: 1, keepMs: KEEP_MS }]);
    const [mark, earlier] = [await keyOf('mark:sub'), await keyOf('mark:earlier')];
    for (const value of ['garbage', '', (await raw.get(earlier)) ?? '']) {
      await raw.set(mark, value);
      expect(await cache.notBefore({ ...entry }, NAMES)).toBe(Infinity);
    }
    // It can be made again.
    await cache.mark([{ name: 'sub', notBefore: entry.startedAt + 5, keepMs: KEEP_MS }]);
    expect(await cache.notBefore({ ...entry }, NAMES)).toBeGreaterThanOrEqual(entry.startedAt + 5);
    expect(await cache.notBefore({ ...entry }, NAMES)).toBeLessThan(Infinity);
  });

  it.each(['epoch', 'revision'])(
    'makes entries unusable by garbage in place of the %s (C11)',
    async (name) => {
      const entry = await kept(cache, 'a', entryOf(MALLORY));
      expect(await cache.notBefore(entry, NAMES)).toBeLessThan(entry.startedAt);
      for (const spoil of [
        async () => raw.set(await keyOf(name), 'garbage'),
        async () => raw.set(await keyOf(name), (await raw.get(await keyOf('claims:a'))) ?? ''),
        async () => raw.del(await keyOf(name)),
      ]) {
        await spoil();
        await after(1050);
        for (let time = 0; time < 5; time++) {
          expect(await cache.notBefore({ ...entry }, NAMES)).toBeGreaterThanOrEqual(entry.startedAt);
          await after(20);
        }
        await ready(cache);
      }
    },
  );

  it('does not bring back an old revision unseen (C11)', async () => {
    const entry = await kept(cache, 'a', entryOf(MALLORY));
    const old = (await raw.get(await keyOf('revision'))) ?? '';
    await cache.mark([{ name: 'sub', notBefore: entry.startedAt + 5, keepMs: KEEP_MS }]);
    await raw.del(await keyOf('mark:sub'));
    await raw.set(await keyOf('revision'), old);
    await after(1050);
    expect(await eventually(async () => (await cache.notBefore(entry, NAMES)) < entry.startedAt, 700)).toBe(
      false,
    );
  });
});
