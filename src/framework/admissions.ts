// A constructor that returns an object gives that object the private fields of the classes that extend it.
class Returned {
  constructor(object: object) {
    return object;
  }
}

/** What guards have let a request in, as a list, the last first. */
interface Admission {
  readonly by: object;
  readonly auth: unknown;
  readonly before: Admission | undefined;
}

/**
 * The admissions of a request, in a private field of the request itself. Not in a WeakMap: an old one keeps each value,
 * and all that hangs on it, until a full collection, which was measured at a quarter of the time of a request.
 */
class Admitted extends Returned {
  #last: Admission | undefined;

  static add(request: object, by: object, auth: unknown): void {
    if (!(#last in request)) new Admitted(request);
    const admitted = request as Admitted;
    admitted.#last = { by, auth, before: admitted.#last };
  }

  static find(request: object, by: object): Admission | undefined {
    let admission = #last in request ? request.#last : undefined;
    while (admission !== undefined && admission.by !== by) admission = admission.before;
    return admission;
  }
}

/** Remembers, for one guard, who makes each request that it has let in. Forgets with the request. */
export class Admissions<K extends object, A> {
  /** Remembers who makes the request; `auth` may be `undefined`, where credentials are optional. */
  add(request: K, auth: A): void {
    Admitted.add(request, this, auth);
  }

  /**
   * Who makes the request.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: K): A {
    const admission = Admitted.find(request, this);
    if (admission === undefined) {
      throw new TypeError(
        'This guard has not let the request in. Put it in front of the handler that calls of().',
      );
    }
    return admission.auth as A;
  }
}
