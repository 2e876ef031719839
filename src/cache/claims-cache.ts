import type { Claims } from '../claims.ts';

/** What the authorization server said about a token, kept for a while. */
export interface CachedClaims {
  /** Deeply frozen, as `introspect` resolved with them. */
  readonly claims: Claims;
  /** When the introspection *started*, in milliseconds since the epoch: what was revoked since then may be in it. */
  readonly startedAt: number;
  /** Until when it may be used, on `performance.now()` of this process: a clock that never steps. */
  readonly freshUntil: number;
  /** Until when it is kept for the time in which the authorization server is down; on the same clock, never earlier. */
  readonly keptUntil: number;
}

/** "Whatever was begun before this instant must not be used": how something is revoked without finding its entries. */
export interface RevocationMark {
  /** What is revoked: a token, a subject, a session or a client; each a hash, and one word. */
  readonly name: string;
  /** In milliseconds since the epoch. */
  readonly notBefore: number;
  /** How long the mark has to be kept: longer than any entry that it is about. */
  readonly keepMs: number;
}

/**
 * Where the claims of tokens are kept between requests. What is kept is what the authorization server said; who may come
 * in is decided anew each time.
 *
 * Implement it for a store of your own, and prove it by `claimsCacheContract` of `oidc-resource-server/testing`. A store
 * that is slow, down or corrupt has to be a miss at once: never an error, and never a wait. Methods may answer at once or
 * by a promise; what is in memory should answer at once.
 */
export interface ClaimsCache {
  /** What is kept under a key, fresh or not; `undefined` when there is nothing that can be read. It does not reject. */
  get(key: string): CachedClaims | undefined | Promise<CachedClaims | undefined>;
  /** Keeps an entry until its `keptUntil`, at most. It does not reject, and nobody waits for it. */
  set(key: string, entry: CachedClaims): void | Promise<void>;
  /**
   * Writes marks, so that every process that shares the store knows them within a second. A mark never takes the place of
   * a later one.
   *
   * @throws when they could not be written: the caller has to know that nothing was revoked
   */
  mark(marks: readonly RevocationMark[]): void | Promise<void>;
  /**
   * The latest `notBefore` of the marks with one of these names, and of what a store that may have lost marks says of itself:
   * since when it has lost none. `-Infinity` where there is nothing of that, and `Infinity` while marks cannot be read. What
   * it says is at most a second old.
   *
   * @param entry What {@link get} answered, for the store to remember that it has looked.
   * @param names The names of the marks that matter to the entry; called only when they are needed.
   */
  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number>;
  /** Rejects while the store cannot be asked. For those who want to know; what is in memory has no need of it. */
  ping?(): Promise<void>;
  /** Closes what it opened itself. */
  close?(): Promise<void>;
}
