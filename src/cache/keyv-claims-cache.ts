import { type Claims, freezeClaims } from '../claims.ts';
import type { CachedClaims, ClaimsCache, RevocationMark } from './claims-cache.ts';
import { type KeyvLike, KeyvStore } from './keyv-store.ts';
import { Seal } from './seal.ts';
import { SharedMarks } from './shared-marks.ts';

export type { KeyvLike };

/** How {@link KeyvClaimsCache} keeps things. */
export interface KeyvClaimsCacheOptions {
  /** What the key is made of by which everything is encrypted; the same in all processes that share the store. */
  readonly secret: string;
  /** After how many milliseconds a store that does not answer is a miss. Default: 50. */
  readonly timeoutMs?: number;
  /** By how many milliseconds the clocks of the processes may differ. Default: 5000. */
  readonly clockToleranceMs?: number;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** Called by `close`. Default: nothing, since the store is yours. */
  readonly close?: () => Promise<void>;
}

/** An entry as it lies in the store; `fresh` and `kept` are what was left when it was written. */
interface Stored {
  readonly claims: Claims;
  readonly startedAt: number;
  readonly writtenAt: number;
  readonly fresh: number;
  readonly kept: number;
}

/**
 * Keeps claims in whatever Keyv speaks to: Redis, Valkey and others, shared by all processes of an API.
 *
 * Everything is encrypted and authenticated, so that whoever can write to the store can do nothing with it. A store that is
 * slow, down or corrupt is a miss.
 */
export class KeyvClaimsCache implements ClaimsCache {
  readonly #store: KeyvStore;
  readonly #seal: Seal;
  readonly #marks: SharedMarks;
  readonly #timeoutMs: number;
  readonly #clockToleranceMs: number;
  readonly #now: () => number;
  readonly #close: (() => Promise<void>) | undefined;

  /** @throws TypeError when there is no secret */
  constructor(keyv: KeyvLike, options: KeyvClaimsCacheOptions) {
    const { secret, timeoutMs = 50, clockToleranceMs = 5000, now = () => performance.now() } = options;
    if (typeof secret !== 'string' || secret === '')
      throw new TypeError('KeyvClaimsCache needs a secret, the same in all processes that share the store.');
    this.#store = new KeyvStore(keyv, now);
    this.#seal = new Seal(secret);
    this.#marks = new SharedMarks({ store: this.#store, seal: this.#seal, timeoutMs, now });
    this.#timeoutMs = timeoutMs;
    this.#clockToleranceMs = clockToleranceMs;
    this.#now = now;
    this.#close = options.close;
  }

  async get(key: string): Promise<CachedClaims | undefined> {
    const place = this.#place(key);
    try {
      const text = this.#seal.open(place, await this.#store.get(place, this.#timeoutMs));
      return text === undefined ? undefined : this.#entryOf(JSON.parse(text) as Stored);
    } catch {
      return undefined;
    }
  }

  async set(key: string, { claims, startedAt, freshUntil, keptUntil }: CachedClaims): Promise<void> {
    const now = this.#now();
    const kept = Math.floor(keptUntil - now);
    if (!(kept > 0)) return;
    const place = this.#place(key);
    try {
      const stored: Stored = { claims, startedAt, writtenAt: Date.now(), fresh: freshUntil - now, kept };
      await this.#store.set(place, this.#seal.close(place, JSON.stringify(stored)), kept, this.#timeoutMs);
    } catch {
      // It is a miss later on.
    }
  }

  mark(marks: readonly RevocationMark[]): Promise<void> {
    return this.#marks.mark(marks);
  }

  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    return this.#marks.notBefore(entry, names);
  }

  async close(): Promise<void> {
    await this.#close?.();
  }

  /** What is left of it is counted on the clocks of two machines: never more than when it was written. */
  #entryOf({ claims, startedAt, writtenAt, fresh, kept }: Stored): CachedClaims | undefined {
    const age = Date.now() - writtenAt;
    if (!(age >= -this.#clockToleranceMs)) return undefined;
    const now = this.#now();
    const passed = Math.max(0, age);
    const keptUntil = now + kept - passed;
    if (!(keptUntil > now)) return undefined;
    return { claims: freezeClaims(claims), startedAt, freshUntil: now + fresh - passed, keptUntil };
  }

  #place(key: string): string {
    return `oidc-rs:${this.#seal.keyId}:claims:${key}`;
  }
}
