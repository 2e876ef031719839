import { randomUUID } from 'node:crypto';
import type { CachedClaims, RevocationMark } from './claims-cache.ts';
import type { KeyvStore } from './keyv-store.ts';
import type { Seal } from './seal.ts';

/** What {@link SharedMarks} is made of. */
export interface SharedMarksOptions {
  readonly store: KeyvStore;
  readonly seal: Seal;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/** What the store said about itself, and when it was asked. */
interface State {
  /** Another one after each revocation. */
  readonly revision: string;
  /** Since when the store has lost nothing, in milliseconds since the epoch. */
  readonly epoch: number;
  readonly readAt: number;
}

/** The oldest state that a hit is compared with. */
const MAX_AGE_MS = 1000;
/** A state of this age is read anew while it is still used, so that as a rule nobody waits. */
const REFRESH_AGE_MS = 500;
const WRITE_TIMEOUT_MS = 1000;

/**
 * Revocation marks in a store that several processes share.
 *
 * Looking up the marks of each hit would cost a round trip. So there is one more key, the revision, which is written anew
 * *after* the marks: while it is the same, so are all marks. It is read at most every half second, and what was found for an
 * entry holds until it changes. Who reads between a mark and its revision may miss the mark, and finds the new revision within
 * a second.
 *
 * A second key, the epoch, says since when nothing was lost. A store that was emptied has none; whoever finds that sets it to
 * now, and what was begun before then is used no more.
 */
export class SharedMarks {
  readonly #options: SharedMarksOptions;
  readonly #prefix: string;
  readonly #found = new WeakMap<CachedClaims, { readonly revision: string; readonly notBefore: number }>();
  #state: State | undefined;
  #reading: Promise<State | undefined> | undefined;

  constructor(options: SharedMarksOptions) {
    this.#options = options;
    this.#prefix = `oidc-rs:${options.seal.keyId}:`;
  }

  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    const age = this.#options.now() - (this.#state?.readAt ?? -Infinity);
    if (this.#state === undefined || age > MAX_AGE_MS) return this.#afterReading(entry, names);
    if (age > REFRESH_AGE_MS) void this.#read();
    return this.#under(this.#state, entry, names);
  }

  /** @throws StoreUnavailable when a mark, or the revision, could not be written */
  async mark(marks: readonly RevocationMark[]): Promise<void> {
    const { store, seal } = this.#options;
    store.insist();
    const places = marks.map(({ name }) => this.#place(name));
    const before = await store.getMany(places, WRITE_TIMEOUT_MS);
    await Promise.all(
      marks.map(async ({ notBefore, keepMs }, at) => {
        const place = places[at] ?? '';
        const earlier = instantOf(seal.open(place, before[at])) ?? -Infinity;
        const value = seal.close(place, String(Math.max(earlier, notBefore)));
        await store.set(place, value, keepMs, WRITE_TIMEOUT_MS);
      }),
    );
    // Last: who finds it finds the marks, too.
    await this.#renewRevision(WRITE_TIMEOUT_MS);
    this.#state = undefined;
  }

  async #afterReading(entry: CachedClaims, names: () => readonly string[]): Promise<number> {
    const state = await this.#read();
    return state === undefined ? Infinity : await this.#under(state, entry, names);
  }

  #under(state: State, entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    const found = this.#found.get(entry);
    if (found?.revision === state.revision) return Math.max(found.notBefore, state.epoch);
    return this.#look(state, entry, names());
  }

  async #look({ revision, epoch }: State, entry: CachedClaims, names: readonly string[]): Promise<number> {
    const { store, seal, timeoutMs } = this.#options;
    const places = names.map((name) => this.#place(name));
    let notBefore = -Infinity;
    try {
      const values = await store.getMany(places, timeoutMs);
      for (const [at, place] of places.entries()) {
        const value = values[at] ?? undefined;
        if (value === undefined) continue;
        // What cannot be opened may have been a revocation.
        notBefore = Math.max(notBefore, instantOf(seal.open(place, value)) ?? Infinity);
      }
    } catch {
      return Infinity;
    }
    // Under the revision that was read before the marks were: a later one is looked at again.
    this.#found.set(entry, { revision, notBefore });
    return Math.max(notBefore, epoch);
  }

  /** Reads revision and epoch, once for all who want them; `undefined` where they cannot be read. */
  #read(): Promise<State | undefined> {
    this.#reading ??= this.#ask()
      .then(
        (state) => (this.#state = state),
        () => undefined,
      )
      .finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #ask(): Promise<State> {
    const { store, seal, timeoutMs, now } = this.#options;
    const readAt = now();
    const epochPlace = this.#place('epoch');
    const [revision, epochValue] = await store.getMany([this.#place('revision'), epochPlace], timeoutMs);
    let epoch = instantOf(seal.open(epochPlace, epochValue));
    if (epoch === undefined) {
      epoch = Date.now();
      await store.set(epochPlace, seal.close(epochPlace, String(epoch)), undefined, timeoutMs);
    }
    // It must never be missing: a missing one would be the same as another missing one.
    return {
      revision: typeof revision === 'string' ? revision : await this.#renewRevision(timeoutMs),
      epoch,
      readAt,
    };
  }

  async #renewRevision(timeoutMs: number): Promise<string> {
    const revision = randomUUID();
    await this.#options.store.set(this.#place('revision'), revision, undefined, timeoutMs);
    return revision;
  }

  #place(name: string): string {
    return `${this.#prefix}mark:${name}`;
  }
}

function instantOf(text: string | undefined): number | undefined {
  const instant = text === undefined ? NaN : Number(text);
  return Number.isFinite(instant) ? instant : undefined;
}
