import type { CachedClaims, ClaimsCache, RevocationMark } from './claims-cache.ts';

/** A cache of this process in front of one that is shared: the first answers at once, the second knows what others learnt. */
export class TwoLevelClaimsCache implements ClaimsCache {
  readonly #local: ClaimsCache;
  readonly #shared: ClaimsCache;

  constructor(local: ClaimsCache, shared: ClaimsCache) {
    this.#local = local;
    this.#shared = shared;
  }

  get(key: string): CachedClaims | undefined | Promise<CachedClaims | undefined> {
    const entry = this.#local.get(key);
    if (entry instanceof Promise) return entry.then((found) => found ?? this.#fetch(key));
    return entry ?? this.#fetch(key);
  }

  set(key: string, entry: CachedClaims): void | Promise<void> {
    const kept = this.#local.set(key, entry);
    const shared = this.#shared.set(key, entry);
    if (kept instanceof Promise || shared instanceof Promise)
      return Promise.all([kept, shared]).then(() => undefined);
  }

  /** Here at once, whatever becomes of the shared one. */
  async mark(marks: readonly RevocationMark[]): Promise<void> {
    await this.#local.mark(marks);
    await this.#shared.mark(marks);
  }

  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    const local = this.#local.notBefore(entry, names);
    const shared = this.#shared.notBefore(entry, names);
    if (typeof local === 'number' && typeof shared === 'number') return Math.max(local, shared);
    return Promise.all([local, shared]).then((instants) => Math.max(...instants));
  }

  async close(): Promise<void> {
    await this.#local.close?.();
    await this.#shared.close?.();
  }

  async #fetch(key: string): Promise<CachedClaims | undefined> {
    const entry = await this.#shared.get(key);
    if (entry !== undefined) void this.#local.set(key, entry);
    return entry;
  }
}
