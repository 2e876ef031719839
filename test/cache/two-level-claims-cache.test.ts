import { describe, expect, it } from 'vitest';
import type { CachedClaims, ClaimsCache, RevocationMark } from '../../src/cache/claims-cache.ts';
import { MemoryClaimsCache } from '../../src/cache/memory-claims-cache.ts';
import { TwoLevelClaimsCache } from '../../src/cache/two-level-claims-cache.ts';
import { freezeClaims } from '../../src/claims.ts';
import { entryOf } from '../../src/testing/claims-cache-under-test.ts';

const CLAIMS = freezeClaims({ active: true, sub: 'alice' });
const NAMES = (): string[] => ['sub'];
const mark = (notBefore: number): RevocationMark => ({ name: 'sub', notBefore, keepMs: 60_000 });

/** A cache in memory that answers by promises, as a shared one does. */
class Distant extends MemoryClaimsCache implements ClaimsCache {
  asked = 0;
  isDown = false;
  override get(key: string): CachedClaims | undefined {
    this.asked++;
    return Promise.resolve(super.get(key)) as never;
  }
  override mark(marks: readonly RevocationMark[]): void {
    if (this.isDown) return Promise.reject(new Error('down')) as never;
    super.mark(marks);
    return undefined;
  }
  override notBefore(entry: CachedClaims, names: () => readonly string[]): number {
    return this.isDown ? (Promise.resolve(Infinity) as never) : super.notBefore(entry, names);
  }
}

function levels() {
  const [local, shared] = [new MemoryClaimsCache(), new Distant()];
  return { local, shared, cache: new TwoLevelClaimsCache(local, shared) };
}

describe('TwoLevelClaimsCache', () => {
  it('answers at once what the memory has, and asks nobody else', () => {
    const { shared, cache } = levels();
    const entry = entryOf(CLAIMS);
    expect(cache.set('a', entry)).toBeUndefined();
    expect(cache.get('a')).toBe(entry);
    expect(cache.notBefore(entry, NAMES)).toBe(-Infinity);
    expect(shared.asked).toBe(0);
  });

  it('takes from the shared one what the memory has not, and asks once', async () => {
    const { shared, cache } = levels();
    const entry = entryOf(CLAIMS);
    shared.set('a', entry);
    expect(await cache.get('a')).toBe(entry);
    expect(cache.get('a')).toBe(entry);
    expect(shared.asked).toBe(1);
  });

  it('looks for a fresher entry while the memory has one that is only kept for bad times', async () => {
    const { shared, cache } = levels();
    const old = { ...entryOf(CLAIMS, { freshMs: -1 }), startedAt: 1 };
    void cache.set('a', old);
    expect(await cache.get('a')).toBe(old);
    const fresher = { ...entryOf(CLAIMS), startedAt: 2 };
    shared.set('a', fresher);
    expect(await cache.get('a')).toBe(fresher);
    expect(cache.get('a')).toBe(fresher);
  });

  it('does not put an older entry in the place of one that came in the meantime', async () => {
    const { local, shared, cache } = levels();
    const [older, newer] = [
      { ...entryOf(CLAIMS), startedAt: 1 },
      { ...entryOf(CLAIMS), startedAt: 2 },
    ];
    shared.set('a', older);
    const found = cache.get('a');
    local.set('a', newer);
    expect(await found).toBe(newer);
    expect(cache.get('a')).toBe(newer);
  });

  it('takes the later of what both say about marks (C3)', async () => {
    const { local, shared, cache } = levels();
    const entry = entryOf(CLAIMS);
    local.mark([mark(10)]);
    expect(cache.notBefore(entry, NAMES)).toBe(10);
    shared.mark([mark(20)]);
    expect(await cache.notBefore({ ...entry }, NAMES)).toBe(20);
  });

  it('refuses here also when the others cannot be told, and says that they were not (C3)', async () => {
    const { local, shared, cache } = levels();
    shared.isDown = true;
    await expect(cache.mark([mark(10)])).rejects.toThrow('down');
    expect(local.notBefore(entryOf(CLAIMS), NAMES)).toBe(10);
    expect(await cache.notBefore(entryOf(CLAIMS), NAMES)).toBe(Infinity);
  });
});
