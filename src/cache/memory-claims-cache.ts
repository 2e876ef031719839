import { LRUCache } from 'lru-cache';
import type { CachedClaims, ClaimsCache, RevocationMark } from './claims-cache.ts';
import { ClaimsPacker, type PackedClaims } from './packed-claims.ts';

/** How {@link MemoryClaimsCache} is bounded. */
export interface MemoryClaimsCacheOptions {
  /** How many tokens are kept at most; the one that was used the longest time ago gives way. Default: 10,000. */
  readonly maxEntries?: number;
  /** How many of them are kept ready for use; the others are kept as text, which takes less memory. Default: 4,096. */
  readonly maxParsed?: number;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/**
 * Keeps claims in the memory of this process. What is revoked here is revoked in this process alone.
 *
 * The entries that were used last are kept as objects, and answer without any work; the others as text.
 */
export class MemoryClaimsCache implements ClaimsCache {
  readonly #now: () => number;
  readonly #packer = new ClaimsPacker();
  readonly #parsed: LRUCache<string, CachedClaims>;
  readonly #packed: LRUCache<string, PackedClaims> | undefined;
  readonly #marks = new Map<string, RevocationMark & { readonly keptUntil: number }>();
  /** What was found for an entry since the marks last changed. */
  #found = new WeakMap<CachedClaims, number>();

  constructor({
    maxEntries = 10_000,
    maxParsed = 4096,
    now = () => performance.now(),
  }: MemoryClaimsCacheOptions = {}) {
    this.#now = now;
    const packed =
      maxEntries > maxParsed
        ? new LRUCache<string, PackedClaims>({ max: maxEntries - maxParsed })
        : undefined;
    this.#packed = packed;
    this.#parsed = new LRUCache<string, CachedClaims>({
      max: Math.min(maxEntries, maxParsed),
      ...(packed !== undefined && {
        dispose: (entry: CachedClaims, key: string, reason: string) => {
          if (reason !== 'evict' || entry.keptUntil <= this.#now()) return;
          const text = this.#packer.pack(entry);
          if (text !== undefined) packed.set(key, text);
        },
      }),
    });
  }

  get(key: string): CachedClaims | undefined {
    const entry = this.#parsed.get(key) ?? this.#unpack(key);
    if (entry === undefined || entry.keptUntil > this.#now()) return entry;
    this.#parsed.delete(key);
    return undefined;
  }

  set(key: string, entry: CachedClaims): void {
    this.#packed?.delete(key);
    this.#parsed.set(key, entry);
  }

  mark(marks: readonly RevocationMark[]): void {
    const now = this.#now();
    for (const [name, { keptUntil }] of this.#marks) if (keptUntil <= now) this.#marks.delete(name);
    this.#found = new WeakMap();
    for (const mark of marks) {
      const before = this.#marks.get(mark.name);
      if (before !== undefined && before.notBefore > mark.notBefore) continue;
      this.#marks.set(mark.name, { ...mark, keptUntil: now + mark.keepMs });
    }
  }

  notBefore(entry: CachedClaims, names: () => readonly string[]): number {
    if (this.#marks.size === 0) return -Infinity;
    let found = this.#found.get(entry);
    if (found === undefined) {
      found = Math.max(...names().map((name) => this.#marks.get(name)?.notBefore ?? -Infinity));
      this.#found.set(entry, found);
    }
    return found;
  }

  #unpack(key: string): CachedClaims | undefined {
    const packed = this.#packed?.get(key);
    if (packed === undefined) return undefined;
    this.#packed?.delete(key);
    const entry = this.#packer.unpack(packed);
    this.#parsed.set(key, entry);
    return entry;
  }
}
