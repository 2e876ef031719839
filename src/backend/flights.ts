/** So many are kept in one table. By then the garbage collector has seen it once or twice, and has not moved it to what is old. */
const MAX_ENTERED = 512;

/**
 * Introspections under way, by key.
 *
 * Two Maps take turns, since V8 makes the table of a Map that has grown old among what is old, each time anew: whatever it has held,
 * a promise and with it a whole request, is then collected late and dearly. With one Map the garbage of a request took twice
 * the time.
 */
export class Flights<T> {
  #entered = 0;
  #current = new Map<string, Promise<T>>();
  /** Filled before. Nobody is entered here any more, and as soon as it is empty, the other one takes its place. */
  #earlier = new Map<string, Promise<T>>();

  get(key: string): Promise<T> | undefined {
    return this.#current.get(key) ?? (this.#earlier.size === 0 ? undefined : this.#earlier.get(key));
  }

  set(key: string, flight: Promise<T>): void {
    if (this.#entered >= MAX_ENTERED && this.#earlier.size === 0) {
      this.#earlier = this.#current;
      this.#current = new Map();
      this.#entered = 0;
    }
    this.#entered += 1;
    this.#current.set(key, flight);
  }

  /** Whoever comes from now on asks anew. */
  delete(key: string): void {
    if (!this.#current.delete(key)) this.#earlier.delete(key);
  }
}
