import { type Awaitable, isThenable } from '../awaitable.ts';
import { isResourceServerError, UserStoreError } from '../errors.ts';
import { SharedTimer, Waiting } from '../shared-timer.ts';

/**
 * Asks a user store and waits for so long at most. Whatever goes wrong becomes a UserStoreError, except an error of this
 * package: with such a one the store refuses on purpose.
 *
 * A store that answers at once costs no promise.
 */
export class Deadline {
  readonly #timer: SharedTimer;

  constructor(ms: number) {
    this.#timer = new SharedTimer(ms);
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
      const waiting = new Asked(this.#timer.ms, reject);
      this.#timer.start(waiting);
      Promise.resolve(answer).then(
        (found) => {
          this.#timer.stop(waiting);
          resolve(found);
        },
        (error: unknown) => {
          this.#timer.stop(waiting);
          reject(storeFailure(error));
        },
      );
    });
  }
}

/** Somebody who waits for the answer of a user store. */
class Asked extends Waiting {
  readonly #ms: number;
  readonly #reject: (reason: Error) => void;

  constructor(ms: number, reject: (reason: Error) => void) {
    super();
    this.#ms = ms;
    this.#reject = reject;
  }

  override expire(): void {
    this.#reject(storeFailure(new Error(`no answer within ${String(this.#ms)} ms`)));
  }
}

function storeFailure(cause: unknown): Error {
  if (isResourceServerError(cause)) return cause;
  const message =
    'The user store failed or took longer than OIDC_TIMEOUT; its own error is the cause of this one.';
  return new UserStoreError(message, { cause });
}
