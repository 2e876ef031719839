/** So many are entered in one table. Under load the garbage collector has seen it once or twice by then, and it is still young. */
const MAX_ENTERED = 512;

/**
 * Introspections under way, by key.
 *
 * Two Maps take turns. Once the table of a Map is among what is old, V8 makes each new one of that Map there, too; and whatever it
 * has held, a promise and with it a whole request, is collected late and dearly. With one Map the garbage of a request took half
 * as much time again in Node 20, and twice the time in Node 24.
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
