import type { Logger } from '../types.ts';

const INTERVAL_MS = 60_000;

/**
 * Logs why logout tokens were refused. Most reasons are a setting that does not fit, so they warn; but anybody can bring
 * them about at will, so each warns once a minute, and is logged at `info` in between.
 */
export class LogoutRejections {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #warnedAt = new Map<string, number>();

  /** @param now A clock that never steps back, in milliseconds. Default: `performance.now`. */
  constructor(logger: Logger, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#now = now;
  }

  /**
   * Writes one line. A logger that fails changes nothing.
   *
   * @param reason One of a few fixed words.
   */
  log(reason: string, message: string): void {
    const now = this.#now();
    const isNews = now - (this.#warnedAt.get(reason) ?? -Infinity) >= INTERVAL_MS;
    if (isNews) this.#warnedAt.set(reason, now);
    try {
      this.#logger[isNews ? 'warn' : 'info']({ event: 'logout.rejected', reason }, message);
    } catch {
      // A logger that fails must not make another answer of a refusal.
    }
  }
}
