import { isResourceServerError, UserStoreError } from '../errors.ts';

/**
 * Asks a user store and waits for `ms` at most. Whatever goes wrong becomes a UserStoreError, except an error of this
 * package: with such a one the store refuses on purpose.
 */
export async function withinDeadline<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    // Not Promise.race, which makes four promises more: every request comes through here.
    return await new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${ms} ms`));
      }, ms);
      Promise.resolve(ask()).then(resolve, reject);
    });
  } catch (cause) {
    if (isResourceServerError(cause)) throw cause;
    const message =
      'The user store failed or took longer than OIDC_TIMEOUT; its own error is the cause of this one.';
    throw new UserStoreError(message, { cause });
  } finally {
    clearTimeout(timer);
  }
}
