import { createHmac, createSecretKey, randomBytes } from 'node:crypto';

const INSPECT = Symbol.for('nodejs.util.inspect.custom');
// One key a process: references join the log lines of one token and mean nothing anywhere else.
const REFERENCE_KEY = createSecretKey(randomBytes(32));

/** Names a value in logs: eight hexadecimal digits, equal for equal values within one process. */
export function referenceOf(value: string): string {
  return createHmac('sha256', REFERENCE_KEY).update(value).digest('hex').slice(0, 8);
}

/**
 * A value that prints as `[secret]` wherever it is logged, inspected, serialized or put into a string.
 *
 * Secret settings arrive in this form. It does not encrypt: whoever holds the object can
 * {@link Secret.reveal | reveal} the value.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Returns the value itself. Call it where the value is used, and keep the result in no variable that lives on. */
  reveal(): string {
    return this.#value;
  }

  /** Always `[secret]`. */
  toString(): string {
    return '[secret]';
  }

  /** Always `[secret]`. */
  toJSON(): string {
    return '[secret]';
  }

  /** What `console.log` and `util.inspect` show: always `[secret]`. */
  [INSPECT](): string {
    return '[secret]';
  }
}

/** The authentication schemes under which an access token may arrive. */
export type TokenScheme = 'Bearer' | 'DPoP';

/**
 * The access token of one request, as it was sent.
 *
 * Hooks receive it to call the authorization server or another API on the caller's behalf.
 */
export class AccessToken extends Secret {
  /** The authentication scheme under which the token was sent. */
  readonly scheme: TokenScheme;

  constructor(value: string, scheme: TokenScheme = 'Bearer') {
    super(value);
    this.scheme = scheme;
  }

  /**
   * Names this token in logs: eight hexadecimal digits, equal for equal tokens within one process and
   * meaningless outside of it.
   */
  get reference(): string {
    return referenceOf(this.reveal());
  }
}
