/**
 * Spreads work that holds up the event loop over its turns: so much is done in one turn, and whoever comes later waits for
 * the next ones, in order. Answers that arrive together would otherwise hold it up for as long as all of them take.
 *
 * It bounds no queue: each who waits belongs to a request of the application, which waits as well.
 */
export class Turns {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** @param limit How many places a turn has. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a place in this turn, or, by a promise, in a later one. */
  take(): undefined | Promise<void> {
    if (this.#taken === this.#limit) {
      return new Promise((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    if (this.#taken === 0) setImmediate(this.#begin);
    this.#taken += 1;
    return undefined;
  }

  readonly #begin = (): void => {
    const admitted = this.#waiting.splice(0, this.#limit);
    this.#taken = admitted.length;
    if (admitted.length > 0) setImmediate(this.#begin);
    for (const admit of admitted) admit();
  };
}
