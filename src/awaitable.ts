/** A value at once, or a promise of it. What is in memory need not cost a turn of the event loop. */
export type Awaitable<T> = T | Promise<T>;

/** Whether a value has to be waited for; query builders that are no promises have a `then`, too. */
export function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function')
  );
}
