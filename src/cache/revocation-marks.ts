import type { CachedClaims, RevocationMark } from './claims-cache.ts';
import type { GuardedStore } from './guarded-store.ts';
import { markKey, type WrittenMark, readMark, sealMark } from './sealed-mark.ts';
import type { Clocks } from './sealed-claims.ts';
import type { Sealing } from './sealing.ts';
import { EPOCH, type SharedState, SharedStateReader } from './shared-state.ts';
import { StoreUnavailable, within } from './within.ts';

const MARK_TIMEOUT_MS = 1000;
const INSIST = { timeoutMs: MARK_TIMEOUT_MS, insist: true };
const MOST_ATTEMPTS = 4;

interface Checked {
  readonly revision: string;
  readonly notBefore: number;
}

/**
 * The marks in a shared store: what was revoked since when.
 *
 * A mark is written first and the revision after it; whoever looks reads the revision first and the marks after it. So a
 * mark that was not seen belongs to a revision that is still to come, and what was found under the old one ends with it.
 */
export class RevocationMarks {
  readonly #store: GuardedStore;
  readonly #sealing: Sealing;
  readonly #clocks: Clocks;
  readonly #shared: SharedStateReader;
  readonly #checked = new WeakMap<CachedClaims, Checked>();
  readonly #checking = new WeakMap<CachedClaims, { revision: string; found: Promise<number> }>();

  constructor(store: GuardedStore, sealing: Sealing, clocks: Clocks) {
    this.#store = store;
    this.#sealing = sealing;
    this.#clocks = clocks;
    this.#shared = new SharedStateReader(store, sealing, clocks);
  }

  /** Reads what has to be known of the store soon, while something else is waited for. */
  prepare(): void {
    if (this.#shared.current() === undefined) void this.#shared.refresh();
  }

  /** As `ClaimsCache.notBefore`: at once when nothing was revoked since the entry was last looked at. */
  notBefore(entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    const state = this.#shared.current();
    if (state !== undefined) return this.#under(state, entry, names);
    if (this.#store.isPaused) return Infinity;
    return this.#shared
      .refresh()
      .then((read) => (read === undefined ? Infinity : this.#under(read, entry, names)));
  }

  /**
   * Writes marks, and makes sure of them.
   *
   * @throws StoreUnavailable when any of it could not be written within a second
   */
  async mark(marks: readonly RevocationMark[]): Promise<void> {
    if (marks.length === 0) return;
    await within(MARK_TIMEOUT_MS, async () => {
      await this.#write(marks);
      const before = await this.#shared.reread(INSIST);
      // What was lost in the meantime may be these marks. Renewing them covers that, and changes the revision too.
      if (before === undefined) await this.#shared.renew(INSIST);
      else await this.#shared.advance(INSIST);
      const after = await this.#shared.reread(INSIST);
      if (after === undefined || after.revision === before?.revision) {
        throw new StoreUnavailable('The store did not keep the revision.');
      }
    });
  }

  /** Asks the store, also one that is left alone for the moment. @throws when it does not answer within a second */
  async ping(): Promise<void> {
    await this.#store.readMany([EPOCH], INSIST);
  }

  #under(state: SharedState, entry: CachedClaims, names: () => readonly string[]): number | Promise<number> {
    const checked = this.#checked.get(entry);
    if (checked?.revision === state.revision) return Math.max(checked.notBefore, state.epoch);
    // Not usable, whatever the marks say.
    if (entry.startedAt <= state.epoch) return state.epoch;
    const checking = this.#checking.get(entry);
    if (checking?.revision === state.revision) return checking.found;
    const found = this.#check(state, entry, names(), checked?.notBefore ?? -Infinity);
    this.#checking.set(entry, { revision: state.revision, found });
    return found;
  }

  async #check(
    state: SharedState,
    entry: CachedClaims,
    names: readonly string[],
    known: number,
  ): Promise<number> {
    try {
      const [epochText, ...values] = await this.#store.readMany([EPOCH, ...names.map(markKey)]);
      // "There is no mark" is worth something only from a store that still has what it had: many a client says that there is
      // nothing where it could not look.
      if (epochText !== state.epochText) {
        void this.#shared.refresh();
        return Infinity;
      }
      let notBefore = known;
      for (const [index, name] of names.entries()) {
        const mark = readMark(this.#sealing, name, values[index]);
        if (mark === 'unreadable') return Infinity;
        notBefore = Math.max(notBefore, mark?.notBefore ?? -Infinity);
      }
      // Under the revision that was read before the marks were.
      this.#checked.set(entry, { revision: state.revision, notBefore });
      return Math.max(notBefore, state.epoch);
    } catch {
      return Infinity;
    } finally {
      this.#checking.delete(entry);
    }
  }

  /**
   * Writes what is not there yet and reads it back, until all of it is: two processes may mark the same at the same time,
   * and what one wrote be replaced by the earlier mark of the other. What remains possible is that the other's write is on
   * its way for longer than all of this takes; both instants are then less than a second apart, which is what the
   * tolerance of the clocks is there for.
   */
  async #write(marks: readonly RevocationMark[]): Promise<void> {
    const wanted = this.#latest(marks);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const missing = await this.#missing(wanted);
      if (missing.length === 0) return;
      await Promise.all(missing.map(([name, mark]) => this.#writeOne(name, mark)));
    }
    if ((await this.#missing(wanted)).length > 0) {
      throw new StoreUnavailable('The store did not keep the marks.');
    }
  }

  #latest(marks: readonly RevocationMark[]): Map<string, WrittenMark> {
    const latest = new Map<string, WrittenMark>();
    for (const { name, notBefore, keepMs } of marks) {
      const mark = { notBefore, keptUntil: this.#clocks.wallNow() + keepMs };
      latest.set(name, laterOf(mark, latest.get(name)));
    }
    return latest;
  }

  /** The marks that the store does not have, or not as late or for as long; each with what it has of them taken in. */
  async #missing(wanted: Map<string, WrittenMark>): Promise<[string, WrittenMark][]> {
    const names = [...wanted.keys()];
    const values = await this.#store.readMany(names.map(markKey), INSIST).catch((error: unknown) => {
      // One of them is no JSON: all are written anew.
      if (error instanceof SyntaxError) return names.map(() => '');
      throw error;
    });
    return [...wanted].flatMap(([name, mark], index): [string, WrittenMark][] => {
      const there = readMark(this.#sealing, name, values[index]);
      // Nobody knows what it said; it was not later than now.
      if (there === 'unreadable') {
        return [[name, { ...mark, notBefore: Math.max(mark.notBefore, this.#clocks.wallNow()) }]];
      }
      const later = laterOf(mark, there);
      const isThere = later.notBefore === there?.notBefore && later.keptUntil === there.keptUntil;
      return isThere ? [] : [[name, later]];
    });
  }

  async #writeOne(name: string, mark: WrittenMark): Promise<void> {
    const ttlMs = mark.keptUntil - this.#clocks.wallNow();
    await this.#store.write(markKey(name), sealMark(this.#sealing, name, mark), ttlMs, INSIST);
  }
}

function laterOf(mark: WrittenMark, other: WrittenMark | undefined): WrittenMark {
  if (other === undefined) return mark;
  return {
    notBefore: Math.max(mark.notBefore, other.notBefore),
    keptUntil: Math.max(mark.keptUntil, other.keptUntil),
  };
}
