import { describe, expect, it } from 'vitest';
import type { CachedClaims } from '../../src/cache/claims-cache.ts';
import { MemoryClaimsCache } from '../../src/cache/memory-claims-cache.ts';
import { freezeClaims } from '../../src/claims.ts';

let now = 0;
const entry = (sub: string, keptUntil = 1000): CachedClaims => ({
  claims: freezeClaims({ active: true, sub, realm: { roles: ['a'] }, ['__proto__']: 'own' }),
  startedAt: 5,
  freshUntil: 500,
  keptUntil,
});

describe('MemoryClaimsCache', () => {
  it('has no more entries than it may: the one used the longest time ago gives way (X3)', () => {
    const cache = new MemoryClaimsCache({ maxEntries: 3, maxParsed: 2, now: () => now });
    for (const key of ['a', 'b', 'c']) cache.set(key, entry(key));
    expect(cache.get('a')?.claims.sub).toBe('a');
    cache.set('d', entry('d'));
    const kept = ['a', 'b', 'c', 'd'].filter((key) => cache.get(key) !== undefined);
    expect(kept).toHaveLength(3);
    expect(kept).toContain('a');
    expect(kept).toContain('d');
  });

  it('gives what was kept as text back as it was, frozen (C10, I2)', () => {
    const cache = new MemoryClaimsCache({ maxEntries: 10, maxParsed: 1, now: () => now });
    const kept = entry('a');
    cache.set('a', kept);
    expect(cache.get('a')).toBe(kept);
    cache.set('b', entry('b'));
    const found = cache.get('a');
    expect(found).not.toBe(kept);
    expect(found).toEqual(kept);
    expect(Object.isFrozen(found?.claims.realm)).toBe(true);
    expect(Object.getPrototypeOf(found?.claims)).toBe(null);
    expect(Object.hasOwn(found?.claims ?? {}, '__proto__')).toBe(true);
    // It is in one place only.
    cache.set('a', entry('new'));
    cache.set('c', entry('c'));
    expect(cache.get('a')?.claims.sub).toBe('new');
  });

  it('keeps as text whatever JSON can hold, in any script', () => {
    const cache = new MemoryClaimsCache({ maxEntries: 10, maxParsed: 1, now: () => now });
    const claims = freezeClaims({
      name: 'Łukasz 🙂 \u0000 "\\',
      nested: { a: [1, null, { b: false }] },
      gone: undefined,
    });
    cache.set('a', { ...entry('a'), claims });
    cache.set('b', entry('b'));
    expect(cache.get('a')?.claims).toEqual({ name: claims.name, nested: claims.nested });
  });

  it('drops claims that are no JSON rather than failing', () => {
    const cache = new MemoryClaimsCache({ maxEntries: 10, maxParsed: 1, now: () => now });
    cache.set('big', { ...entry('a'), claims: freezeClaims({ n: 1n }) });
    cache.set('b', entry('b'));
    expect(cache.get('big')).toBeUndefined();
    expect(cache.get('b')).toBeDefined();
  });

  it('keeps nothing past its time', () => {
    now = 0;
    const cache = new MemoryClaimsCache({ now: () => now });
    cache.set('a', entry('a', 100));
    now = 99;
    expect(cache.get('a')).toBeDefined();
    now = 100;
    expect(cache.get('a')).toBeUndefined();
  });

  it('forgets marks when their time is over, and not before (X3)', () => {
    now = 0;
    const cache = new MemoryClaimsCache({ now: () => now });
    const kept = entry('a');
    cache.mark([{ name: 'x', notBefore: 10, keepMs: 100 }]);
    now = 99;
    cache.mark([{ name: 'y', notBefore: 1, keepMs: 100 }]);
    expect(cache.notBefore(kept, () => ['x'])).toBe(10);
    now = 100;
    cache.mark([{ name: 'y', notBefore: 2, keepMs: 100 }]);
    expect(cache.notBefore(kept, () => ['x'])).toBe(-Infinity);
  });

  it('looks for marks once until they change', () => {
    const cache = new MemoryClaimsCache({ now: () => 0 });
    const kept = entry('a');
    let looked = 0;
    const names = (): string[] => [`x${String(looked++)}`];
    expect(cache.notBefore(kept, names)).toBe(-Infinity);
    expect(looked).toBe(0);
    cache.mark([{ name: 'z', notBefore: 10, keepMs: 100 }]);
    cache.notBefore(kept, names);
    cache.notBefore(kept, names);
    expect(looked).toBe(1);
    cache.mark([{ name: 'x1', notBefore: 20, keepMs: 100 }]);
    expect(cache.notBefore(kept, names)).toBe(20);
  });
});
