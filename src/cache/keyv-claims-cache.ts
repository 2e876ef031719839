import type { Secret } from '../secret.ts';
import type { CachedClaims, ClaimsCache, RevocationMark } from './claims-cache.ts';
import { GuardedStore } from './guarded-store.ts';
import type { KeyvLike } from './keyv-like.ts';
import { RevocationMarks } from './revocation-marks.ts';
import { type Clocks, entryOfText, textOfEntry } from './sealed-claims.ts';
import { Sealing } from './sealing.ts';

export type { KeyvLike } from './keyv-like.ts';

/** How a {@link KeyvClaimsCache} works. */
export interface KeyvClaimsCacheOptions {
  /** What the key is made of by which everything in the store is encrypted: the same in all processes that share it. */
  readonly secret: Secret | string;
  /** How long the store is waited for when it is read, in milliseconds. Default: 50. */
  readonly timeoutMs?: number;
  /** By how much the clocks of the machines that share the store may differ, in milliseconds. Default: 5000. */
  readonly clockToleranceMs?: number;
  /** Told when the store stops answering (`false`), and when it answers again: for a log, or a readiness check. */
  readonly onAvailability?: (available: boolean) => void;
  /** Called by {@link KeyvClaimsCache.close}. Default: nothing, since the Keyv is the application's. */
  readonly close?: () => Promise<void>;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly wallNow?: () => number;
}

const WRITE_TIMEOUT_MS = 1000;

/**
 * Keeps claims in a store that all processes share: Redis, Valkey and whatever else Keyv 5 speaks.
 *
 * Everything in it is encrypted and authenticated, so that whoever can write to the store can make nobody let in. A store
 * that is slow, down or corrupt is a miss, after `timeoutMs` at most and as a rule at once. While marks cannot be read,
 * `notBefore` answers `Infinity`.
 *
 * Resource servers with different secrets can share a store and see nothing of each other: a revocation does not reach
 * who has another secret, so change it in all processes together. The store must not evict marks: with Redis, `maxmemory-policy noeviction`. A mark that was evicted alone
 * is not missed.
 */
export class KeyvClaimsCache implements ClaimsCache {
  readonly #store: GuardedStore;
  readonly #sealing: Sealing;
  readonly #clocks: Clocks;
  readonly #marks: RevocationMarks;
  readonly #close: (() => Promise<void>) | undefined;

  /** @param keyv A Keyv 5. Its `throwOnErrors`, and that of its store, are switched on. */
  constructor(keyv: KeyvLike, options: KeyvClaimsCacheOptions) {
    const { secret, timeoutMs = 50, clockToleranceMs = 5000, onAvailability, close } = options;
    const { now = () => performance.now(), wallNow = () => Date.now() } = options;
    this.#clocks = { now, wallNow, toleranceMs: clockToleranceMs };
    this.#sealing = new Sealing(secret);
    this.#store = new GuardedStore(keyv, {
      prefix: `oidc-rs:${this.#sealing.keyId}:`,
      timeoutMs,
      now,
      onAvailability,
    });
    this.#marks = new RevocationMarks(this.#store, this.#sealing, this.#clocks);
    this.#close = close;
  }

  get(key: string): undefined | Promise<CachedClaims | undefined> {
    if (this.#store.isPaused) return undefined;
    // A hit is worth nothing before the marks are known: both are asked for at the same time.
    this.#marks.prepare();
    return this.#get(`claims:${key}`);
  }

  set(key: string, entry: CachedClaims): void {
    const keptMs = entry.keptUntil - this.#clocks.now();
    if (this.#store.isPaused || !(keptMs > 0) || keptMs === Infinity) return;
    const text = textOfEntry(entry, this.#clocks);
    if (text === undefined) return;
    const name = `claims:${key}`;
    const sealed = this.#sealing.seal(name, text);
    this.#store.write(name, sealed, keptMs, { timeoutMs: WRITE_TIMEOUT_MS }).catch(() => undefined);
  }

  async mark(marks: readonly RevocationMark[]): Promise<void> {
    try {
      await this.#marks.mark(marks);
    } catch {
      // Without the cause: it may name the address of the store.
      throw new Error('The revocation could not be written to the shared cache. Try again.');
    }
  }

  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    return this.#marks.notBefore(entry, names);
  }

  async ping(): Promise<void> {
    try {
      await this.#marks.ping();
    } catch {
      throw new Error('The shared cache cannot be asked.');
    }
  }

  async close(): Promise<void> {
    this.#store.close();
    await this.#close?.();
  }

  async #get(name: string): Promise<CachedClaims | undefined> {
    try {
      const text = this.#sealing.open(name, await this.#store.read(name));
      return text === undefined ? undefined : entryOfText(text, this.#clocks);
    } catch {
      return undefined;
    }
  }
}
