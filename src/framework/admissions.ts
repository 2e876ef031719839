import { Returned } from '../returned.ts';

/** Remembers, for one guard, who makes each request that it has let in. Forgets with the request. */
export class Admissions<K extends object, A> {
  readonly #admitted = admittedOf<A>();

  /** Remembers who makes the request; `auth` may be `undefined`, where credentials are optional. */
  add(request: K, auth: A): void {
    this.#admitted.set(request, auth);
  }

  /** Who makes the request; `undefined` also when this guard has not let it in. */
  get(request: K): A | undefined {
    return this.#admitted.has(request) ? this.#admitted.get(request) : undefined;
  }

  /**
   * Who makes the request.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: K): A {
    if (!this.#admitted.has(request)) {
      throw new TypeError(
        'This guard has not let the request in. Put it in front of the handler that calls of().',
      );
    }
    return this.#admitted.get(request);
  }
}

/** A private field of a guard's own on each request: nobody else can read or forge it, and it costs less than a WeakMap. */
function admittedOf<A>() {
  return class Admitted extends Returned {
    #auth: A | undefined;

    static set(request: object, auth: A): void {
      const admitted = Admitted.has(request) ? (request as Admitted) : new Admitted(request);
      admitted.#auth = auth;
    }

    static has(request: object): boolean {
      return #auth in request;
    }

    static get(request: object): A {
      return (request as Admitted).#auth as A;
    }
  };
}
