import { type Awaitable, isThenable } from '../awaitable.ts';
import { isResourceServerError, UserStoreError } from '../errors.ts';

interface Waiting {
  /** On `performance.now()`. */
  readonly until: number;
  readonly reject: (reason: Error) => void;
}

/**
 * Asks a user store and waits for so long at most. Whatever goes wrong becomes a UserStoreError, except an error of this
 * package: with such a one the store refuses on purpose.
 *
 * A store that answers at once costs no promise. All who wait share one timer: one for each took a twentieth of a whole request.
 */
export class Deadline {
  readonly #ms: number;
  /** In the order in which they give up. */
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** What `ask` answers; rejects when it fails, or does not answer in time. */
  within<T>(ask: () => Awaitable<T>): Awaitable<T> {
    let answer: Awaitable<T>;
    try {
      answer = ask();
    } catch (error) {
      return Promise.reject(storeFailure(error));
    }
    return isThenable(answer) ? this.#wait(answer) : answer;
  }

  #wait<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting = { until: performance.now() + this.#ms, reject };
      this.#waiting.add(waiting);
      if (this.#timer === undefined) this.#start(this.#ms);
      else if (this.#waiting.size === 1) this.#timer.ref();
      Promise.resolve(answer).then(
        (found) => {
          this.#leave(waiting);
          resolve(found);
        },
        (error: unknown) => {
          this.#leave(waiting);
          reject(storeFailure(error));
        },
      );
    });
  }

  #leave(waiting: Waiting): void {
    // It goes on, for those who come next, but nobody stays alive for it.
    if (this.#waiting.delete(waiting) && this.#waiting.size === 0) this.#timer?.unref();
  }

  #start(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#expire();
    }, ms);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const waiting of this.#waiting) {
      if (waiting.until > now) {
        this.#start(Math.ceil(waiting.until - now));
        return;
      }
      this.#waiting.delete(waiting);
      waiting.reject(storeFailure(new Error(`no answer within ${this.#ms} ms`)));
    }
  }
}

function storeFailure(cause: unknown): Error {
  if (isResourceServerError(cause)) return cause;
  const message =
    'The user store failed or took longer than OIDC_TIMEOUT; its own error is the cause of this one.';
  return new UserStoreError(message, { cause });
}
