import { AuthorizationServerError } from '../errors.ts';
import type { Logger } from '../types.ts';

const FAILURES = 5;
const FIRST_OPEN_MS = 1000;
const MAX_OPEN_MS = 30_000;
const MAX_RETRY_AFTER_MS = 60_000;

/** What {@link CircuitBreaker} needs. */
export interface CircuitBreakerOptions {
  readonly logger: Logger;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/**
 * Keeps requests from an authorization server that cannot be asked: after five failures in a row everybody is refused at
 * once, rather than after a timeout, and the server is left in peace. After a second one request finds out whether it is
 * back; while it is not, the time doubles up to half a minute.
 *
 * A failure is that no answer came, a status of 500 and above, or 429. What the server says about a token is none, nor that
 * it does not know us: it was asked, and answered.
 */
export class CircuitBreaker {
  readonly #logger: Logger;
  readonly #now: () => number;
  #failures = 0;
  /** 0: closed. */
  #openMs = 0;
  #openUntil = -Infinity;
  /** The request that finds out whether the server is back. */
  #probe: object | undefined;

  constructor({ logger, now = () => performance.now() }: CircuitBreakerOptions) {
    this.#logger = logger;
    this.#now = now;
  }

  /**
   * Asks the server, unless it is known to be down.
   *
   * @param failure Whether an answer is a failure, and for how many seconds the server wants to be left alone
   * @throws AuthorizationServerError at once while the server is known to be down
   */
  async run<T>(
    ask: () => Promise<T>,
    failure: (answer: T) => { retryAfter: number | undefined } | undefined,
  ): Promise<T> {
    const probe = this.#openMs === 0 ? undefined : this.#enterHalfOpen();
    let answer: T;
    try {
      answer = await ask();
    } catch (error) {
      if (isUnavailable(error)) this.#failed(probe, undefined);
      else if (probe !== undefined && this.#probe === probe) this.#probe = undefined;
      throw error;
    }
    const failed = failure(answer);
    if (failed === undefined) this.#succeeded(probe);
    else this.#failed(probe, failed.retryAfter);
    return answer;
  }

  #enterHalfOpen(): object {
    const rest = this.#openUntil - this.#now();
    if (rest > 0 || this.#probe !== undefined) {
      throw new AuthorizationServerError(
        'ERR_AS_UNAVAILABLE',
        'The authorization server is unavailable. It failed several times in a row, and is asked again soon.',
        Math.max(1, Math.ceil(rest / 1000)),
      );
    }
    this.#probe = {};
    this.#logger.info(
      { event: 'breaker.half_open' },
      'One request finds out whether the authorization server is back.',
    );
    return this.#probe;
  }

  // Whoever was under way when it opened says nothing about the server as it is now.
  #succeeded(probe: object | undefined): void {
    if (this.#openMs === 0) this.#failures = 0;
    else if (probe !== undefined && probe === this.#probe) this.#close();
  }

  #close(): void {
    this.#probe = undefined;
    this.#openMs = 0;
    this.#failures = 0;
    this.#logger.info({ event: 'breaker.closed' }, 'The authorization server is back.');
  }

  #failed(probe: object | undefined, retryAfter: number | undefined): void {
    if (this.#openMs > 0) {
      if (probe === undefined || probe !== this.#probe) return;
      this.#probe = undefined;
      this.#open(Math.min(this.#openMs * 2, MAX_OPEN_MS), retryAfter);
      return;
    }
    this.#failures += 1;
    if (this.#failures >= FAILURES || (retryAfter ?? 0) > 0) this.#open(FIRST_OPEN_MS, retryAfter);
  }

  #open(ms: number, retryAfter: number | undefined): void {
    const wasClosed = this.#openMs === 0;
    this.#openMs = ms;
    // Not all processes at the same moment.
    const own = ms * (0.75 + Math.random() / 4);
    const wanted = Math.min((retryAfter ?? 0) * 1000, MAX_RETRY_AFTER_MS);
    this.#openUntil = this.#now() + Math.max(own, wanted);
    if (!wasClosed) return;
    this.#logger.warn(
      { event: 'breaker.open' },
      'The authorization server cannot be asked, and is left alone for a while. Requests are refused at once.',
    );
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AuthorizationServerError && error.code === 'ERR_AS_UNAVAILABLE';
}
