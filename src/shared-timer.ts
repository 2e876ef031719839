/** Somebody who waits, and gives up when the time is over. */
export abstract class Waiting {
  /** On `performance.now()`; set by the timer. */
  until = 0;
  /** Kept by the timer. */
  before: Waiting | undefined;
  /** Kept by the timer. */
  after: Waiting | undefined;

  /** The time is over. */
  abstract expire(): void;
}

/**
 * One timer for all who wait for the same time: one for each took a twentieth of a whole request.
 *
 * A list, and no Set: the table of one that grows old keeps what it has held from being collected cheaply.
 */
export class SharedTimer {
  readonly ms: number;
  /** The first to give up. */
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param ms For how long everybody waits, in milliseconds. */
  constructor(ms: number) {
    this.ms = ms;
  }

  /** Somebody begins to wait; the process stays alive for that. */
  start(waiting: Waiting): void {
    waiting.until = performance.now() + this.ms;
    if (this.#timer === undefined) this.#set(this.ms);
    if (this.#last === undefined) {
      this.#first = waiting;
      this.#timer?.ref();
    } else {
      waiting.before = this.#last;
      this.#last.after = waiting;
    }
    this.#last = waiting;
  }

  /** Somebody waits no longer. Nothing happens where that is known. */
  stop(waiting: Waiting): void {
    const { before, after } = waiting;
    if (before === undefined && this.#first !== waiting) return;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    waiting.before = undefined;
    waiting.after = undefined;
    // It goes on, for those who come next, but nobody stays alive for it.
    if (this.#first === undefined) this.#timer?.unref();
  }

  #set(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#expire();
    }, ms);
  }

  #expire(): void {
    const now = performance.now();
    try {
      for (let first = this.#first; first !== undefined && first.until <= now; first = this.#first) {
        this.stop(first);
        first.expire();
      }
    } finally {
      // Whatever goes wrong with one of them: the others give up in time, too.
      this.#timer = undefined;
      if (this.#first !== undefined) this.#set(Math.max(1, Math.ceil(this.#first.until - now)));
    }
  }
}
