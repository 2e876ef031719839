/** Says that a store did not answer in time, or was not asked at all. It never carries what the store said. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * What a call resolves or rejects with, and a rejection when that takes longer than so many milliseconds. The call itself
 * goes on; nothing that becomes of it then is seen.
 */
export function within<T>(timeoutMs: number, call: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = (): void => {
      reject(new StoreUnavailable(`No answer within ${String(timeoutMs)} ms.`));
    };
    // When the event loop was held up, the answer may be there already and be read in the next turn.
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    const done = <A>(settle: (value: A) => void) => {
      return (value: A): void => {
        clearTimeout(timer);
        settle(value);
      };
    };
    try {
      call().then(done(resolve), done(reject));
    } catch (error) {
      done(reject)(error);
    }
  });
}
