import assert from 'node:assert/strict';
import { freezeClaims } from '../claims.ts';
import { type CacheTest, entryOf, eventually, kept, ready } from './claims-cache-under-test.ts';

const CLAIMS = freezeClaims({ active: true, sub: 'alice' });
const KEEP_MS = 60_000;

export function describeMarks(test: CacheTest): void {
  test('lets entries be used about which there is no mark', async ({ cache }) => {
    await ready(cache);
    const entry = await kept(cache, 'a', entryOf(CLAIMS));
    await cache.mark([{ name: 'other', notBefore: entry.startedAt + 1000, keepMs: KEEP_MS }]);
    for (let time = 0; time < 3; time++) {
      assert.ok((await cache.notBefore(entry, () => ['sub', 'sid'])) < entry.startedAt);
    }
  });

  for (const [kind, name] of [
    ['token', 'a'],
    ['subject', 'sub-hash'],
    ['session', 'sid-hash'],
    ['client', 'client-hash'],
  ] as const) {
    test(`tells of a mark about the ${kind}, whatever was found before (C3)`, async ({ cache }) => {
      await ready(cache);
      const entry = await kept(cache, 'a', entryOf(CLAIMS));
      const names = (): string[] => ['a', 'sub-hash', 'sid-hash', 'client-hash'];
      assert.ok((await cache.notBefore(entry, names)) < entry.startedAt);
      const notBefore = entry.startedAt + 5;
      await cache.mark([{ name, notBefore, keepMs: KEEP_MS }]);
      assert.equal(await cache.notBefore(entry, names), notBefore);
    });
  }

  test('refuses what was begun before a mark, and not what was begun after it', async ({ cache }) => {
    await ready(cache);
    const before = entryOf(CLAIMS);
    const notBefore = before.startedAt + 5;
    await cache.mark([{ name: 'sub', notBefore, keepMs: KEEP_MS }]);
    const later = { ...entryOf(CLAIMS), startedAt: notBefore + 1 };
    assert.ok((await cache.notBefore(before, () => ['sub'])) >= before.startedAt);
    assert.ok((await cache.notBefore(later, () => ['sub'])) < later.startedAt);
  });

  test('keeps the later of two marks, in whichever order they come', async ({ cache }) => {
    await ready(cache);
    const entry = entryOf(CLAIMS);
    const [first, second] = [entry.startedAt + 10, entry.startedAt + 20];
    await cache.mark([{ name: 'up', notBefore: first, keepMs: KEEP_MS }]);
    await cache.mark([{ name: 'up', notBefore: second, keepMs: KEEP_MS }]);
    await cache.mark([{ name: 'down', notBefore: second, keepMs: KEEP_MS }]);
    await cache.mark([{ name: 'down', notBefore: first, keepMs: KEEP_MS }]);
    assert.equal(await cache.notBefore({ ...entry }, () => ['up']), second);
    assert.equal(await cache.notBefore({ ...entry }, () => ['down']), second);
  });

  test('takes the latest of several names, and several marks at once', async ({ cache }) => {
    await ready(cache);
    const entry = entryOf(CLAIMS);
    const marks = [10, 30, 20].map((later, index) => {
      return { name: `n${String(index)}`, notBefore: entry.startedAt + later, keepMs: KEEP_MS };
    });
    await cache.mark(marks);
    assert.equal(await cache.notBefore(entry, () => ['n0', 'n1', 'n2']), entry.startedAt + 30);
    await cache.mark([]);
  });

  test('loses none of many marks that are made at the same time', async ({ cache }) => {
    await ready(cache);
    const entry = entryOf(CLAIMS);
    const names = Array.from({ length: 20 }, (_, index) => `n${String(index)}`);
    const notBefore = entry.startedAt + 7;
    await Promise.all(
      names.map(async (name) => {
        await cache.mark([{ name, notBefore, keepMs: KEEP_MS }]);
      }),
    );
    for (const name of names) {
      assert.equal(await cache.notBefore({ ...entry }, () => [name]), notBefore, name);
    }
  });
}

export function describeSharing(test: CacheTest): void {
  test('is one cache for all who share its store', async ({ cache, another }) => {
    const other = await another?.();
    assert.ok(other);
    await kept(cache, 'a', entryOf(CLAIMS));
    assert.equal((await other.get('a'))?.claims.sub, 'alice');
  });

  test('makes a mark known to all who share its store, within a second (C3)', async ({ cache, another }) => {
    const other = await another?.();
    assert.ok(other);
    await Promise.all([ready(cache), ready(other)]);
    await kept(cache, 'a', entryOf(CLAIMS));
    const entry = await other.get('a');
    assert.ok(entry);
    const names = (): string[] => ['sub'];
    assert.ok((await other.notBefore(entry, names)) < entry.startedAt);
    const notBefore = entry.startedAt + 5;
    await cache.mark([{ name: 'sub', notBefore, keepMs: KEEP_MS }]);
    assert.ok(await eventually(async () => (await other.notBefore(entry, names)) >= notBefore, 1000));
    assert.ok((await other.notBefore({ ...entry }, names)) >= notBefore);
  });

  test('keeps the later of two marks that two of them make at the same time', async ({ cache, another }) => {
    const other = await another?.();
    assert.ok(other);
    await Promise.all([ready(cache), ready(other)]);
    const entry = entryOf(CLAIMS);
    const marks = [cache, other].map(async (one, index) => {
      await one.mark([{ name: 'sub', notBefore: entry.startedAt + 10 + index, keepMs: KEEP_MS }]);
    });
    await Promise.all(marks);
    const latest = entry.startedAt + 11;
    assert.ok(await eventually(async () => (await cache.notBefore(entry, () => ['sub'])) === latest, 1000));
  });
}
