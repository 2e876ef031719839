import { isResourceServerError, UserStoreError } from '../errors.ts';

/**
 * Asks a user store and waits for `ms` at most. Whatever goes wrong becomes a UserStoreError, except an error of this
 * package: with such a one the store refuses on purpose.
 */
export function withinDeadline<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  // One promise and no race: every request comes through here.
  return new Promise<T>((resolve, reject) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer);
      reject(isResourceServerError(cause) ? cause : userStoreError(cause));
    };
    const timer = setTimeout(() => {
      fail(new Error(`no answer within ${ms} ms`));
    }, ms);
    try {
      Promise.resolve(ask()).then((answer) => {
        clearTimeout(timer);
        resolve(answer);
      }, fail);
    } catch (error) {
      fail(error);
    }
  });
}

function userStoreError(cause: unknown): UserStoreError {
  const message =
    'The user store failed or took longer than OIDC_TIMEOUT; its own error is the cause of this one.';
  return new UserStoreError(message, { cause });
}
