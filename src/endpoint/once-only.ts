const MAX_ENTRIES = 10_000;

/**
 * Does something once for each name, such as a `jti`, and remembers the name until a given time, in bounded memory of this
 * process. What failed may be done again.
 *
 * It knows nothing of other processes: give it only what does no harm when each of them does it once.
 */
export class OnceOnly {
  readonly #done = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #maxEntries: number;

  /** @param maxEntries How many names are remembered. Default: 10,000. */
  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  /**
   * Does it, unless it has been done under this name: then `false`.
   *
   * Where it is being done right now, the outcome of that one decides: `false` when it succeeds, its own error when it fails.
   *
   * @param until Until when the name is remembered, in seconds since the epoch.
   * @param now The time, in the same seconds.
   */
  async run(
    name: string,
    until: number,
    act: () => Promise<void>,
    now = Date.now() / 1000,
  ): Promise<boolean> {
    if ((this.#done.get(name) ?? -Infinity) > now) return false;
    const other = this.#running.get(name);
    if (other !== undefined) {
      await other;
      return false;
    }
    const run = act();
    this.#running.set(name, run);
    try {
      await run;
      this.#remember(name, until, now);
    } finally {
      this.#running.delete(name);
    }
    return true;
  }

  #remember(name: string, until: number, now: number): void {
    if (this.#done.size >= this.#maxEntries) this.#makeRoom(now);
    this.#done.set(name, until);
  }

  #makeRoom(now: number): void {
    for (const [name, until] of this.#done) if (until <= now) this.#done.delete(name);
    // All of them still good: the oldest may come a second time, which is better than to refuse the new ones.
    for (const name of this.#done.keys()) {
      if (this.#done.size < this.#maxEntries) return;
      this.#done.delete(name);
    }
  }
}
