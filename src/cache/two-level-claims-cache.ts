import type { CachedClaims, ClaimsCache, RevocationMark } from './claims-cache.ts';

/** What {@link TwoLevelClaimsCache} can be told. */
export interface TwoLevelClaimsCacheOptions {
  /** The clock of the entries, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/**
 * A cache in the memory of each process before one that all share. What the first knows is answered at once; the second is
 * asked for the rest, and for the marks.
 */
export class TwoLevelClaimsCache implements ClaimsCache {
  readonly #local: ClaimsCache;
  readonly #shared: ClaimsCache;
  readonly #now: () => number;

  constructor(
    local: ClaimsCache,
    shared: ClaimsCache,
    { now = () => performance.now() }: TwoLevelClaimsCacheOptions = {},
  ) {
    this.#local = local;
    this.#shared = shared;
    this.#now = now;
  }

  get(key: string): CachedClaims | undefined | Promise<CachedClaims | undefined> {
    const entry = this.#local.get(key);
    if (entry instanceof Promise) return entry.then((found) => this.#orShared(key, found));
    return this.#orShared(key, entry);
  }

  set(key: string, entry: CachedClaims): void | Promise<void> {
    return bothOf(this.#local.set(key, entry), this.#shared.set(key, entry));
  }

  mark(marks: readonly RevocationMark[]): void | Promise<void> {
    // This process refuses from now on, also when the others cannot be told.
    const local = this.#local.mark(marks);
    return bothOf(local, this.#shared.mark(marks));
  }

  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    const local = this.#local.notBefore(entry, names);
    const shared = this.#shared.notBefore(entry, names);
    if (typeof local === 'number' && typeof shared === 'number') return Math.max(local, shared);
    return Promise.all([local, shared]).then((instants) => Math.max(...instants));
  }

  async ping(): Promise<void> {
    await Promise.all([this.#local.ping?.(), this.#shared.ping?.()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#local.close?.(), this.#shared.close?.()]);
  }

  #orShared(
    key: string,
    local: CachedClaims | undefined,
  ): CachedClaims | undefined | Promise<CachedClaims | undefined> {
    // One that is only kept for bad times: another process may have asked again since.
    if (local !== undefined && local.freshUntil > this.#now()) return local;
    const shared = this.#shared.get(key);
    if (shared instanceof Promise) return shared.then((found) => this.#later(key, local, found));
    return this.#later(key, local, shared);
  }

  #later(
    key: string,
    local: CachedClaims | undefined,
    shared: CachedClaims | undefined,
  ): CachedClaims | undefined | Promise<CachedClaims | undefined> {
    if (shared === undefined || (local !== undefined && local.startedAt >= shared.startedAt)) return local;
    // While the store was asked, a newer answer may have come in here.
    const present = this.#local.get(key);
    if (present instanceof Promise) return present.then((found) => this.#copied(key, found, shared));
    return this.#copied(key, present, shared);
  }

  #copied(key: string, local: CachedClaims | undefined, shared: CachedClaims): CachedClaims {
    if (local !== undefined && local.startedAt >= shared.startedAt) return local;
    const kept = this.#local.set(key, shared);
    if (kept instanceof Promise) kept.catch(() => undefined);
    return shared;
  }
}

function bothOf(one: void | Promise<void>, other: void | Promise<void>): void | Promise<void> {
  if (one === undefined && other === undefined) return undefined;
  return Promise.all([one, other]).then(() => undefined);
}
