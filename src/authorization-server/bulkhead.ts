import { AuthorizationServerError } from '../errors.ts';
import type { SettingName } from '../settings.ts';
import type { Logger } from '../types.ts';

/** What {@link Bulkhead} needs. */
export interface BulkheadOptions {
  readonly logger: Logger;
  /** The setting that names what is asked, for the log. */
  readonly endpoint: SettingName;
  /** How many may be under way. Default: 256. */
  readonly limit?: number;
  /** How many may wait for that. Default: 1024. */
  readonly queue?: number;
  /** How long each of them may wait, in milliseconds. Default: 1000. */
  readonly waitMs?: number;
}

type Waiting = () => void;

/**
 * Bounds how many requests to an endpoint are under way at the same time, so that a slow server is not buried under what it
 * has not answered yet, and this process does not run out of sockets and memory. Some more may wait a moment; the others are
 * refused at once.
 *
 * While there is room it costs a comparison: no promise and no timer. It knows nothing of requests: who takes a place gives it back.
 */
export class Bulkhead {
  readonly #logger: Logger;
  readonly #endpoint: SettingName;
  readonly #limit: number;
  readonly #queue: number;
  readonly #waitMs: number;
  readonly #waiting = new Set<Waiting>();
  #underWay = 0;
  #overloaded = false;

  constructor({ logger, endpoint, limit = 256, queue = 1024, waitMs = 1000 }: BulkheadOptions) {
    this.#logger = logger;
    this.#endpoint = endpoint;
    this.#limit = limit;
    this.#queue = queue;
    this.#waitMs = waitMs;
  }

  /**
   * Takes a place: at once, or by a promise. Whoever has one gives it back by {@link leave}.
   *
   * @throws AuthorizationServerError when there is none, or none in time
   */
  enter(): undefined | Promise<void> {
    if (this.#underWay < this.#limit) {
      this.#underWay += 1;
      this.#overloaded = false;
      return undefined;
    }
    if (this.#waiting.size >= this.#queue) throw this.#refusal();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(admit);
        reject(this.#refusal());
      }, this.#waitMs);
      const admit = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(admit);
    });
  }

  /** Gives a place back, to whoever has waited the longest. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#underWay -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #refusal(): AuthorizationServerError {
    if (!this.#overloaded) {
      this.#overloaded = true;
      this.#logger.warn(
        {
          event: 'as.overloaded',
          endpoint: this.#endpoint,
          under_way: this.#underWay,
          waiting: this.#waiting.size,
        },
        'More has to be asked than the authorization server answers. Some requests are refused.',
      );
    }
    return new AuthorizationServerError(
      'ERR_AS_UNAVAILABLE',
      'The authorization server is unavailable. Too many requests wait for its answers.',
      1,
    );
  }
}
