/** Remembers, for one guard, who makes each request that it has let in. Forgets with the request. */
export class Admissions<K extends object, A> {
  readonly #admitted = new WeakMap<K, { readonly auth: A }>();

  /** Remembers who makes the request; `auth` may be `undefined`, where credentials are optional. */
  add(request: K, auth: A): void {
    this.#admitted.set(request, { auth });
  }

  /**
   * Who makes the request.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: K): A {
    const admission = this.#admitted.get(request);
    if (admission === undefined) {
      throw new TypeError(
        'This guard has not let the request in. Put it in front of the handler that calls of().',
      );
    }
    return admission.auth;
  }
}
