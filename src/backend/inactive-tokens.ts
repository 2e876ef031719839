const MAX_TOKENS = 1000;

/**
 * Remembers for some seconds which tokens the authorization server has called inactive, so that whoever tries a dead one
 * again and again is no burden to it. In this process alone, few, and apart from the good ones, which they must not push out.
 */
export class InactiveTokens {
  readonly #until = new Map<string, number>();
  readonly #keepMs: number;

  /** @param keepMs How long a token is remembered; 0 remembers none */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  add(key: string): void {
    if (this.#keepMs <= 0) return;
    this.#until.delete(key);
    const [oldest] = this.#until.size >= MAX_TOKENS ? this.#until.keys() : [];
    if (oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(key, performance.now() + this.#keepMs);
  }

  has(key: string): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    this.#until.delete(key);
    if (until <= performance.now()) return false;
    // The one that was asked for last is the last to be forgotten.
    this.#until.set(key, until);
    return true;
  }
}
