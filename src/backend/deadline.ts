import { type Awaitable, isThenable } from '../awaitable.ts';
import { isResourceServerError, UserStoreError } from '../errors.ts';

/**
 * Asks a user store and waits for `ms` at most. Whatever goes wrong becomes a UserStoreError, except an error of this
 * package: with such a one the store refuses on purpose. A store that answers at once costs no promise and no timer.
 */
export function withinDeadline<T>(ms: number, ask: () => Awaitable<T>): Awaitable<T> {
  let answer: Awaitable<T>;
  try {
    answer = ask();
  } catch (error) {
    return Promise.reject(storeFailure(error));
  }
  if (!isThenable(answer)) return answer;
  const pending = answer;
  // One promise and no race: every request comes through here.
  return new Promise<T>((resolve, reject) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer);
      reject(storeFailure(cause));
    };
    const timer = setTimeout(() => {
      fail(new Error(`no answer within ${ms} ms`));
    }, ms);
    Promise.resolve(pending).then((found) => {
      clearTimeout(timer);
      resolve(found);
    }, fail);
  });
}

function storeFailure(cause: unknown): Error {
  if (isResourceServerError(cause)) return cause;
  const message =
    'The user store failed or took longer than OIDC_TIMEOUT; its own error is the cause of this one.';
  return new UserStoreError(message, { cause });
}
