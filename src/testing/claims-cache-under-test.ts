import type { CachedClaims, ClaimsCache } from '../cache/claims-cache.ts';
import type { Claims } from '../claims.ts';

/** An empty cache, and what the suite has to do with its store. */
export interface ClaimsCacheUnderTest {
  readonly cache: ClaimsCache;
  /** Makes another cache on the same store, as another process would. Left out where nothing is shared. */
  readonly another?: () => Promise<ClaimsCache>;
  /** Called after each test. Close here what {@link ClaimsCacheUnderTest.another} made, too. */
  readonly close?: () => Promise<void>;
}

/** Makes an empty cache; called for each test, and once before. */
export type ClaimsCacheFactory = () => Promise<ClaimsCacheUnderTest>;

/** Describes one test, with an empty cache of its own. */
export type CacheTest = (name: string, body: (tested: ClaimsCacheUnderTest) => Promise<void>) => void;

const NO_NAMES = (): readonly string[] => [];

/** An entry that was begun now. */
export function entryOf(claims: Claims, times: { keptMs?: number; freshMs?: number } = {}): CachedClaims {
  const { keptMs = 60_000, freshMs = keptMs } = times;
  const now = performance.now();
  return { claims, startedAt: Date.now(), freshUntil: now + freshMs, keptUntil: now + keptMs };
}

/** Waits. */
export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks until something is so, for at most so many milliseconds; resolves with whether it is. */
export async function eventually(isSo: () => Promise<boolean>, withinMs = 2000): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > until) return false;
    await after(10);
  }
  return true;
}

/** Waits until a cache lets entries be used that are begun from then on: a shared one has to find its store first. */
export async function ready(cache: ClaimsCache): Promise<void> {
  const isUsable = async (): Promise<boolean> => {
    const entry = entryOf({});
    return (await cache.notBefore(entry, NO_NAMES)) < entry.startedAt;
  };
  if (!(await eventually(isUsable)))
    throw new Error('notBefore refuses every entry, though nothing is revoked.');
}

/** Keeps an entry, and waits until it can be got: `set` is waited for by nobody. */
export async function kept(cache: ClaimsCache, key: string, entry: CachedClaims): Promise<CachedClaims> {
  await cache.set(key, entry);
  let found: CachedClaims | undefined;
  await eventually(async () => (found = await cache.get(key)) !== undefined);
  if (found === undefined) throw new Error('get does not find what set was given.');
  return found;
}
