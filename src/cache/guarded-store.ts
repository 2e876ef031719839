import { hasGetMany, type KeyvLike, throwingOnErrors } from './keyv-like.ts';
import { StoreUnavailable, within } from './within.ts';

/** How {@link GuardedStore} is made. */
export interface GuardedStoreOptions {
  /** What every key in the store begins with. */
  readonly prefix: string;
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** A clock that never steps, in milliseconds. */
  readonly now: () => number;
  /** Told when the store stops answering, and when it answers again. */
  readonly onAvailability?: ((available: boolean) => void) | undefined;
}

/** How one call differs from the others. */
export interface CallOptions {
  /** In milliseconds; else that of the store. */
  readonly timeoutMs?: number;
  /** Asks a store that is left alone for the moment, too. */
  readonly insist?: boolean;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 1000;

/**
 * A store for which nobody waits longer than a deadline. One that failed is left alone for a while, so that not every
 * request waits for it; then a single call finds out whether it is back.
 */
export class GuardedStore {
  readonly #keyv: KeyvLike;
  readonly #options: GuardedStoreOptions;
  readonly #hasGetMany: boolean;
  #pauseMs = 0;
  #pausedUntil = -Infinity;
  #probing = false;
  #closed = false;

  constructor(keyv: KeyvLike, options: GuardedStoreOptions) {
    this.#keyv = throwingOnErrors(keyv);
    this.#options = options;
    this.#hasGetMany = keyv.store === undefined || hasGetMany(keyv.store);
  }

  /** Whether the store would not be asked now. */
  get isPaused(): boolean {
    return this.#closed || (this.#pauseMs > 0 && (this.#probing || this.#options.now() < this.#pausedUntil));
  }

  /** @throws when the store cannot be read */
  read(key: string, options?: CallOptions): Promise<unknown> {
    return this.#ask(() => this.#keyv.get(this.#place(key)), options);
  }

  /** In one round trip where the store can. @throws when any of the keys cannot be read */
  readMany(keys: readonly string[], options?: CallOptions): Promise<readonly unknown[]> {
    return this.#ask(async () => {
      const places = keys.map((key) => this.#place(key));
      if (!this.#hasGetMany) return await Promise.all(places.map((place) => this.#keyv.get(place)));
      const values = await this.#keyv.getMany(places);
      // Whatever is not an answer to each key is no answer.
      if (values.length !== keys.length) throw new StoreUnavailable('Not as many values as keys.');
      return values;
    }, options);
  }

  /** @throws when the store did not write it, as far as it says */
  async write(key: string, value: string, ttlMs?: number, options?: CallOptions): Promise<void> {
    const ttl = ttlMs === undefined ? undefined : Math.max(1, Math.ceil(ttlMs));
    const written = await this.#ask(() => this.#keyv.set(this.#place(key), value, ttl), options, isTimeout);
    // Some stores answer with nothing.
    if ((written as unknown) === false) throw new StoreUnavailable('The store did not write the value.');
  }

  /** From now on nothing is asked: some clients would connect again. */
  close(): void {
    this.#closed = true;
  }

  #place(key: string): string {
    return this.#options.prefix + key;
  }

  async #ask<T>(
    call: () => Promise<T>,
    { timeoutMs = this.#options.timeoutMs, insist = false }: CallOptions = {},
    pausesOn: (error: unknown) => boolean = isNotCorrupt,
  ): Promise<T> {
    if (this.#closed || (this.isPaused && !insist)) throw new StoreUnavailable('The store is not asked now.');
    const isProbe = this.#pauseMs > 0 && !this.#probing;
    if (isProbe) this.#probing = true;
    try {
      const answer = await within(timeoutMs, call);
      this.#answered();
      return answer;
    } catch (error) {
      if (pausesOn(error)) this.#failed(isProbe);
      throw error;
    } finally {
      if (isProbe) this.#probing = false;
    }
  }

  #answered(): void {
    if (this.#pauseMs === 0) return;
    this.#pauseMs = 0;
    this.#options.onAvailability?.(true);
  }

  #failed(isProbe: boolean): void {
    // Of many calls that fail together, the first one counts.
    if (this.#pauseMs > 0 && !isProbe) return;
    const isFirst = this.#pauseMs === 0;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, isFirst ? FIRST_PAUSE_MS : this.#pauseMs * 2);
    this.#pausedUntil = this.#options.now() + this.#pauseMs;
    if (isFirst) this.#options.onAvailability?.(false);
  }
}

/** Keyv parses what it reads, and throws this for what is no JSON: that is about one key, and not about the store. */
function isNotCorrupt(error: unknown): boolean {
  return !(error instanceof SyntaxError);
}

/** A store that is full refuses to write, and can be read all the same. */
function isTimeout(error: unknown): boolean {
  return error instanceof StoreUnavailable;
}
