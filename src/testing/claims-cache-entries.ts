import assert from 'node:assert/strict';
import { freezeClaims } from '../claims.ts';
import { after, type CacheTest, entryOf, eventually, kept } from './claims-cache-under-test.ts';

const CLAIMS = freezeClaims({
  active: true,
  sub: 'alice',
  realm: { roles: ['a', 'b'] },
  ['__proto__']: 'own',
});
// What two machines' clocks and the time that a test takes may make of an instant.
const ROUGHLY_MS = 500;

export function describeEntries(test: CacheTest): void {
  test('finds nothing where nothing was kept', async ({ cache }) => {
    assert.equal(await cache.get('a'), undefined);
  });

  test('gives back what was kept', async ({ cache }) => {
    const entry = entryOf(CLAIMS, { freshMs: 20_000 });
    const found = await kept(cache, 'a', entry);
    assert.deepEqual(JSON.parse(JSON.stringify(found.claims)), JSON.parse(JSON.stringify(CLAIMS)));
    assert.equal(found.startedAt, entry.startedAt);
    for (const name of ['freshUntil', 'keptUntil'] as const) {
      assert.ok(Math.abs(found[name] - entry[name]) < ROUGHLY_MS, name);
      assert.ok(found[name] <= entry[name] + 1, `${name} has not grown`);
    }
  });

  test('gives claims back deeply frozen and without prototypes (C10, I2)', async ({ cache }) => {
    const { claims } = await kept(cache, 'a', entryOf(CLAIMS));
    assert.ok(Object.isFrozen(claims));
    assert.ok(Object.isFrozen(claims.realm));
    assert.equal(Object.getPrototypeOf(claims), null);
    assert.equal(Object.getOwnPropertyDescriptor(claims, '__proto__')?.value, 'own');
  });

  test('keeps keys apart, however alike (C1)', async ({ cache }) => {
    const keys = ['a', 'A', 'a:', ':a', 'a a', 'claims:a', '__proto__', 'x'.repeat(43), `${'x'.repeat(42)}y`];
    await Promise.all(keys.map((key) => kept(cache, key, entryOf(freezeClaims({ active: true, sub: key })))));
    for (const key of keys) assert.equal((await cache.get(key))?.claims.sub, key, key);
  });

  test('puts a later entry in the place of an earlier one', async ({ cache }) => {
    const earlier = entryOf(CLAIMS);
    await kept(cache, 'a', earlier);
    const later = {
      ...entryOf(freezeClaims({ active: true, sub: 'new' })),
      startedAt: earlier.startedAt + 1,
    };
    await cache.set('a', later);
    assert.ok(await eventually(async () => (await cache.get('a'))?.claims.sub === 'new'));
  });

  test('keeps nothing past its time (C3, C4)', async ({ cache }) => {
    await kept(cache, 'a', entryOf(CLAIMS, { keptMs: 400 }));
    await after(450);
    assert.equal(await cache.get('a'), undefined);
    await cache.set('b', entryOf(CLAIMS, { keptMs: -1 }));
    await after(50);
    assert.equal(await cache.get('b'), undefined);
  });

  test('takes claims that are no JSON without an error', async ({ cache }) => {
    await cache.set('a', entryOf(freezeClaims({ active: true, n: 1n })));
    await cache.get('a');
  });

  test('serves many at the same time', async ({ cache }) => {
    const subjects = Array.from({ length: 50 }, (_, index) => `user-${String(index)}`);
    await Promise.all(subjects.map((sub) => kept(cache, sub, entryOf(freezeClaims({ active: true, sub })))));
    const found = await Promise.all(subjects.map(async (sub) => await cache.get(sub)));
    assert.deepEqual(
      found.map((entry) => entry?.claims.sub),
      subjects,
    );
  });
}
