import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { Secret } from '../secret.ts';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
// Far more than the claims of a token: what is longer was put there by somebody else.
const MAX_TEXT = 4_000_000;

/**
 * Encrypts and authenticates what is kept in a store that others may write to. A value opens under the name for which it
 * was sealed and under no other, so that nobody can pass one off as another.
 *
 * It does not say how old a value is: whoever can write to the store can bring back an earlier one of the same name.
 */
export class Sealing {
  readonly #key: KeyObject;
  /** Names the key without telling it, so that whoever has another secret uses other places. */
  readonly keyId: string;

  /** @param secret The same in all processes that share the store. */
  constructor(secret: Secret | string) {
    const text = typeof secret === 'string' ? secret : secret.reveal();
    if (text === '') throw new TypeError('The secret of the shared cache must not be empty.');
    const key = hkdfSync('sha256', text, '', 'oidc-resource-server shared cache 1', 32);
    this.#key = createSecretKey(Buffer.from(key));
    this.keyId = this.#macOf('key id').toString('base64url').slice(0, 8);
  }

  /** As base64, of a version, a random nonce, the tag and the encrypted text. */
  seal(name: string, text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#keyOf(name), nonce);
    cipher.setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]).toString('base64');
  }

  /** The text, or `undefined` for whatever was not sealed under this name by somebody who has the secret. */
  open(name: string, value: unknown): string | undefined {
    if (typeof value !== 'string' || value.length > MAX_TEXT) return undefined;
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return undefined;
    try {
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', this.#keyOf(name), nonce, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(name));
      decipher.setAuthTag(bytes.subarray(1 + NONCE_BYTES, HEAD_BYTES));
      return decipher.update(bytes.subarray(HEAD_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }

  /**
   * A key for each name: random nonces are safe for four thousand million values under one key, which a thousand machines
   * with one key among them would use up within days.
   */
  #keyOf(name: string): KeyObject {
    return createSecretKey(this.#macOf(name));
  }

  #macOf(name: string): Buffer {
    return createHmac('sha256', this.#key).update(name).digest();
  }
}
