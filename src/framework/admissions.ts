import { Returned } from '../returned.ts';

/** That a guard has let a request in, and the admission before it, where several guards have. */
interface Admission {
  readonly by: Admissions<never, unknown>;
  readonly auth: unknown;
  readonly before: Admission | undefined;
}

/** Remembers, for one guard, who makes each request that it has let in. Forgets with the request. */
export class Admissions<K extends object, A> {
  readonly #resourceServer: object | undefined;

  /** @param resourceServer Whom the guard asks, for {@link Admissions.last}. */
  constructor(resourceServer?: object) {
    this.#resourceServer = resourceServer;
  }

  /** Who makes the request, as the guard said that was last to ask this resource server and to let it in. */
  static last(request: object, resourceServer: object): unknown {
    let admission = Admitted.last(request);
    while (admission !== undefined && admission.by.#resourceServer !== resourceServer)
      admission = admission.before;
    return admission?.auth;
  }

  /** Remembers who makes the request; `auth` may be `undefined`, where credentials are optional. */
  add(request: K, auth: A): void {
    Admitted.add(request, { by: this, auth, before: Admitted.last(request) });
  }

  /**
   * Who makes the request.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: K): A {
    let admission = Admitted.last(request);
    while (admission !== undefined && admission.by !== this) admission = admission.before;
    if (admission === undefined) {
      throw new TypeError(
        'This guard has not let the request in. Put it in front of the handler that calls of().',
      );
    }
    return admission.auth as A;
  }
}

/** A private field on each request: nobody else can read or forge it, and it costs less than a WeakMap. */
class Admitted extends Returned {
  #last: Admission | undefined;

  static add(request: object, admission: Admission): void {
    const admitted = #last in request ? request : new Admitted(request);
    admitted.#last = admission;
  }

  static last(request: object): Admission | undefined {
    return #last in request ? request.#last : undefined;
  }
}
