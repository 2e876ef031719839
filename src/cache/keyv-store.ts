/** What is used of Keyv 5. Anything that has it will do; this package never imports Keyv where you pass one. */
export interface KeyvLike {
  get(key: string): Promise<unknown>;
  getMany(keys: string[]): Promise<readonly unknown[]>;
  /** Keeps a value for so many milliseconds, or without a limit. Resolves with `false` where it could not. */
  set(key: string, value: string, ttlMs?: number): Promise<unknown>;
}

/** A call that brought nothing: too slow, failed, or not made since the last one was. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

const PAUSE_MS = 250;
const MAX_PAUSE_MS = 1000;

/**
 * Asks a store that may be slow, down or hanging. Each call has a deadline of its own, and after one that failed the store
 * is left alone for a moment, so that not every request waits for the deadline.
 */
export class KeyvStore {
  readonly #keyv: KeyvLike;
  readonly #now: () => number;
  #pausedUntil = -Infinity;
  #pauseMs = PAUSE_MS;

  constructor(keyv: KeyvLike, now: () => number) {
    this.#keyv = keyv;
    this.#now = now;
  }

  get(key: string, timeoutMs: number): Promise<unknown> {
    return this.#ask(() => this.#keyv.get(key), timeoutMs);
  }

  getMany(keys: readonly string[], timeoutMs: number): Promise<readonly unknown[]> {
    return this.#ask(() => this.#keyv.getMany([...keys]), timeoutMs);
  }

  async set(key: string, value: string, ttlMs: number | undefined, timeoutMs: number): Promise<void> {
    const kept = await this.#ask(() => this.#keyv.set(key, value, ttlMs), timeoutMs);
    if (kept === false) throw new StoreUnavailable('The store did not keep a value.');
  }

  /** Forgets that the last call failed: what must be written is tried in any case. */
  insist(): void {
    this.#pausedUntil = -Infinity;
  }

  #ask<T>(call: () => Promise<T>, timeoutMs: number): Promise<T> {
    if (this.#now() < this.#pausedUntil)
      return Promise.reject(new StoreUnavailable('The store failed a moment ago.'));
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => {
        clearTimeout(timer);
        this.#pausedUntil = this.#now() + this.#pauseMs;
        this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
        // Not its own error, which may hold the address and a password.
        reject(new StoreUnavailable(message));
      };
      const timer = setTimeout(fail, timeoutMs, 'The store did not answer in time.');
      call().then(
        (value) => {
          clearTimeout(timer);
          this.#pauseMs = PAUSE_MS;
          resolve(value);
        },
        () => {
          fail('The store failed.');
        },
      );
    });
  }
}
