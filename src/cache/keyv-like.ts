/**
 * What is used of a Keyv 5. Whatever has these methods will do: the package itself is not imported here.
 *
 * Failures have to be seen. A Keyv that swallows them says "there is nothing" when it could not look, so
 * `throwOnErrors` is switched on, of the Keyv and of its store, where there is such a property.
 */
export interface KeyvLike {
  throwOnErrors?: boolean;
  /** The adapter behind it. Where it has no `getMany`, keys are read one by one, since Keyv would swallow what fails. */
  readonly store?: unknown;
  /** The value under a key; nothing, where there is none. */
  get(key: string): Promise<unknown>;
  /** The values under several keys, in their order. */
  getMany(keys: string[]): Promise<readonly unknown[]>;
  /** `ttlMs` is in milliseconds; without it, the value stays. `false` means that nothing was written. */
  set(key: string, value: string, ttlMs?: number): Promise<boolean>;
  /** Errors come as events, too; they are listened to, and left alone. */
  on?(event: 'error', listener: (error: unknown) => void): unknown;
}

/** Makes a Keyv tell of failures by rejecting, and by nothing else. */
export function throwingOnErrors(keyv: KeyvLike): KeyvLike {
  // An `error` event without a listener ends the process, for some stores.
  keyv.on?.('error', () => undefined);
  for (const part of [keyv, keyv.store] as { throwOnErrors?: unknown }[]) {
    if (typeof part === 'object' && typeof part.throwOnErrors === 'boolean') part.throwOnErrors = true;
  }
  return keyv;
}

/** Whether the store answers several keys at once by itself. */
export function hasGetMany(store: unknown): boolean {
  return typeof (store as { getMany?: unknown } | undefined)?.getMany === 'function';
}
