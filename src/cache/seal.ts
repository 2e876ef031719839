import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const INFO = 'oidc-resource-server claims cache 1';

/**
 * Encrypts and authenticates what lies in a store that others can read and write. A value is bound to its place: moved to
 * another one, it cannot be opened.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc5869 | RFC 5869} for how the key is made of a secret
 */
export class Seal {
  readonly #key: Buffer;
  /** Names the key without telling it, so that who has another secret uses other places. */
  readonly keyId: string;

  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', INFO, 32));
    this.keyId = createHmac('sha256', this.#key).update('key id').digest('base64url').slice(0, 8);
  }

  close(place: string, text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(Buffer.from(place));
    const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), content]).toString('base64');
  }

  /** The text that was closed up for this place with this secret; `undefined` for anything else. */
  open(place: string, value: unknown): string | undefined {
    if (typeof value !== 'string') return undefined;
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const content = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8');
    } catch {
      return undefined;
    }
  }
}
