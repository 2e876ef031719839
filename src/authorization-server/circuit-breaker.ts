import { AuthorizationServerError } from '../errors.ts';
import type { SettingName } from '../settings.ts';
import type { Logger } from '../types.ts';

/** So many failures in a row open it. */
const FAILURES = 5;
const FIRST_OPEN_MS = 1000;
const MAX_OPEN_MS = 30_000;
const MAX_RETRY_AFTER_MS = 60_000;

/** What {@link CircuitBreaker} needs. */
export interface CircuitBreakerOptions {
  readonly logger: Logger;
  /** The setting that names what is asked, for the log. */
  readonly endpoint: SettingName;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/**
 * Keeps requests from an endpoint that cannot be asked: after five failures in a row everybody is refused at once rather
 * than after a timeout, and the server is left in peace. After a second one request finds out whether it is back; while it
 * is not, the time doubles up to half a minute, less up to a quarter so that replicas do not ask in step.
 *
 * It sends nothing and does not know what a failure is: whoever asks tells it the outcome, by `succeeded` or `failed`.
 */
export class CircuitBreaker {
  readonly #logger: Logger;
  readonly #endpoint: SettingName;
  readonly #now: () => number;
  #state: 'closed' | 'open' | 'half_open' = 'closed';
  /**
   * Counts the changes of state, and is the pass of requests let out since the last one. What became of earlier requests
   * says nothing about the server as it is now, so it neither closes nor opens.
   */
  #turn = 0;
  #failures = 0;
  #openMs = 0;
  #openUntil = 0;

  constructor({ logger, endpoint, now = () => performance.now() }: CircuitBreakerOptions) {
    this.#logger = logger;
    this.#endpoint = endpoint;
    this.#now = now;
  }

  /**
   * Lets a request out. Its outcome must be told with the pass that is returned; until then nobody follows a probe.
   *
   * @throws AuthorizationServerError at once while the server is left alone
   */
  enter(): number {
    if (this.#state !== 'closed') this.#enterHalfOpen();
    return this.#turn;
  }

  /** It answered. What it said of the token or of us makes no difference. */
  succeeded(pass: number): void {
    if (pass !== this.#turn) return;
    this.#failures = 0;
    if (this.#state === 'half_open') this.#close();
  }

  /**
   * It could not be asked.
   *
   * @param retryAfter For how many seconds it wants to be left alone, where it said so: that opens at once, for a minute at most.
   */
  failed(pass: number, retryAfter = 0): void {
    if (pass !== this.#turn) return;
    this.#failures += 1;
    if (this.#state === 'half_open') this.#open(Math.min(this.#openMs * 2, MAX_OPEN_MS), retryAfter);
    else if (this.#failures >= FAILURES || retryAfter > 0) this.#open(FIRST_OPEN_MS, retryAfter);
  }

  #enterHalfOpen(): void {
    const rest = this.#openUntil - this.#now();
    if (rest > 0 || this.#state === 'half_open') {
      // Not logged: nobody was asked, and the log would grow with the requests.
      throw new AuthorizationServerError(
        'ERR_AS_UNAVAILABLE',
        'The authorization server is unavailable. It could not be asked a moment ago, and is asked again soon.',
        Math.max(1, Math.ceil(rest / 1000)),
      );
    }
    // Before the change: where a logger throws, no probe is out, and none must be waited for.
    this.#logger.info(
      { event: 'breaker.half_open', endpoint: this.#endpoint },
      'One request finds out whether the authorization server is back.',
    );
    this.#become('half_open');
  }

  #open(ms: number, retryAfter: number): void {
    this.#become('open');
    this.#openMs = ms;
    const spread = ms * (0.75 + Math.random() / 4);
    const openMs = Math.max(spread, Math.min(retryAfter * 1000, MAX_RETRY_AFTER_MS));
    this.#openUntil = this.#now() + openMs;
    this.#logger.warn(
      { event: 'breaker.open', endpoint: this.#endpoint, ms: Math.round(openMs) },
      'The authorization server cannot be asked, and is left alone for a while. Requests are refused at once.',
    );
  }

  #close(): void {
    this.#become('closed');
    this.#logger.info(
      { event: 'breaker.closed', endpoint: this.#endpoint },
      'The authorization server is back.',
    );
  }

  #become(state: 'closed' | 'open' | 'half_open'): void {
    this.#state = state;
    this.#turn += 1;
    this.#failures = 0;
  }
}
