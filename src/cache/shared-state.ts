import { randomUUID } from 'node:crypto';
import type { CallOptions, GuardedStore } from './guarded-store.ts';
import type { Sealing } from './sealing.ts';
import type { Clocks } from './sealed-claims.ts';

/** What all processes have to agree on before any of them uses an entry. */
export interface SharedState {
  /** Changes after each revocation: while it has not, what was found about an entry still holds. */
  readonly revision: string;
  /** Since when the store has lost nothing, in milliseconds since the epoch. */
  readonly epoch: number;
  /** The epoch as it lies in the store: who reads it again knows that the store answers, and is the same. */
  readonly epochText: string;
  /** When reading it began, on the clock that never steps. */
  readonly readAt: number;
}

/** The key of the epoch. */
export const EPOCH = 'epoch';
const REVISION = 'revision';
const REFRESH_AFTER_MS = 500;
const USABLE_MS = 1000;
const RENEW_AGAIN_AFTER_MS = 250;
const WRITE_TIMEOUT_MS = 1000;
const MOST_REPLACED = 1000;

/**
 * The revision and the epoch of a shared store, at most a second old.
 *
 * A store that lost something must not look like one in which nothing was revoked. It has lost something when one of the two
 * keys is missing or not authentic, or when a revision is back that was replaced before: then it was restored from a copy.
 * Whoever finds that sets the epoch to the present, and no entry begun before it is used any more, by anybody.
 */
export class SharedStateReader {
  readonly #store: GuardedStore;
  readonly #sealing: Sealing;
  readonly #clocks: Clocks;
  readonly #replaced = new Set<string>();
  #state: SharedState | undefined;
  /** The revision that was read last, also when the state is not usable any more. */
  #last: string | undefined;
  #reading: Promise<SharedState | undefined> | undefined;
  #renewing: Promise<void> | undefined;
  #renewedAt = -Infinity;

  constructor(store: GuardedStore, sealing: Sealing, clocks: Clocks) {
    this.#store = store;
    this.#sealing = sealing;
    this.#clocks = clocks;
  }

  /** What is known, if it is young enough to be used; read anew in the background well before it is not. */
  current(): SharedState | undefined {
    if (this.#state === undefined) return undefined;
    const ageMs = this.#clocks.now() - this.#state.readAt;
    if (ageMs > USABLE_MS) return undefined;
    if (ageMs > REFRESH_AFTER_MS && !this.#store.isPaused) void this.refresh();
    return this.#state;
  }

  /** Reads it, once for all who ask at the same time. `undefined` when it cannot be read, or tells of a loss. It does not reject. */
  refresh(options?: CallOptions): Promise<SharedState | undefined> {
    this.#reading ??= this.#read(options).finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /** Reads it, beginning after this call: a read that is under way may have begun too early. */
  async reread(options?: CallOptions): Promise<SharedState | undefined> {
    await this.#reading;
    return await this.refresh(options);
  }

  /** Tells every process to look at the marks again. Call it after the marks are written, never before. */
  async advance(options?: CallOptions): Promise<void> {
    const revision = randomUUID();
    await this.#store.write(REVISION, this.#sealing.seal(REVISION, revision), undefined, {
      timeoutMs: WRITE_TIMEOUT_MS,
      ...options,
    });
  }

  /** Declares all that was begun before now unusable. @throws when that could not be written */
  async renew(options?: CallOptions): Promise<void> {
    this.#state = undefined;
    this.#renewing ??= this.#renew(options).finally(() => (this.#renewing = undefined));
    await this.#renewing;
  }

  async #read(options?: CallOptions): Promise<SharedState | undefined> {
    // Before the store is asked: what it says may be as old as the question.
    const readAt = this.#clocks.now();
    const values = await this.#store.readMany([EPOCH, REVISION], options).catch((error: unknown) => {
      // Keyv could not parse one of them: garbage, and so a loss.
      return error instanceof SyntaxError ? [] : undefined;
    });
    if (values === undefined) return undefined;
    const state = this.#understood(values, readAt);
    if (state === undefined) {
      // A store that forgets at once what is written must not be written to without end.
      const isSoon = this.#clocks.now() - this.#renewedAt < RENEW_AGAIN_AFTER_MS;
      if (!isSoon) void this.renew().catch(() => undefined);
    } else {
      this.#noteReplaced(state);
    }
    this.#state = state;
    return state;
  }

  #understood([epochText, revisionText]: readonly unknown[], readAt: number): SharedState | undefined {
    const opened = this.#sealing.open(EPOCH, epochText);
    const epoch = opened === undefined || opened === '' ? NaN : Number(opened);
    const revision = this.#sealing.open(REVISION, revisionText);
    if (!Number.isFinite(epoch) || revision === undefined || this.#replaced.has(revision)) return undefined;
    return { revision, epoch, epochText: epochText as string, readAt };
  }

  #noteReplaced({ revision }: SharedState): void {
    const before = this.#last;
    this.#last = revision;
    if (before === undefined || before === revision) return;
    this.#replaced.add(before);
    const [oldest] = this.#replaced;
    if (this.#replaced.size > MOST_REPLACED && oldest !== undefined) this.#replaced.delete(oldest);
  }

  async #renew(options?: CallOptions): Promise<void> {
    this.#renewedAt = this.#clocks.now();
    const epoch = String(this.#clocks.wallNow());
    const writing = { timeoutMs: WRITE_TIMEOUT_MS, ...options };
    // The epoch first: whoever sees the new revision, which looks like any other, has to see the epoch too. Two processes
    // that do this at once write two instants, both after the loss.
    await this.#store.write(EPOCH, this.#sealing.seal(EPOCH, epoch), undefined, writing);
    await this.advance(options);
  }
}
