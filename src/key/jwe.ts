import {
  constants,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  privateDecrypt,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import type { Awaitable } from '../awaitable.ts';
import { loadJose } from './jose.ts';
import { Turns } from './turns.ts';

/** Decrypts a compact JWE whose header has been checked. */
export type Decrypt = (jwe: string) => Promise<Uint8Array>;

type Hash = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
const HASHES = new Map<string, Hash>([
  ['RSA-OAEP', 'SHA-1'],
  ['RSA-OAEP-256', 'SHA-256'],
  ['RSA-OAEP-384', 'SHA-384'],
  ['RSA-OAEP-512', 'SHA-512'],
]);
/** Longer keys take several times as long, which the event loop is not held up for. */
const MAX_BITS_AT_ONCE = 2048;
/** The length of a content encryption key, in bytes. */
const GCM_KEYS = new Map([
  ['A128GCM', 16],
  ['A192GCM', 24],
  ['A256GCM', 32],
]);
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Makes what decrypts with a key: RSA-OAEP with AES-GCM, which nearly everybody uses, each step by the library that does it
 * with the least time; all else through jose.
 *
 * @see docs/decisions/0015-cryptography-per-operation.md
 */
export function decryptWith(key: KeyObject, algorithm: string, encoding: string): Decrypt {
  const hash = HASHES.get(algorithm);
  const keyBytes = GCM_KEYS.get(encoding);
  if (hash !== undefined && keyBytes !== undefined) return rsaOaepGcm(key, hash, keyBytes);
  return async (jwe) => {
    const { compactDecrypt } = await loadJose();
    const { plaintext } = await compactDecrypt(jwe, key, {
      keyManagementAlgorithms: [algorithm],
      contentEncryptionAlgorithms: [encoding],
      maxDecompressedLength: 0,
    });
    return plaintext;
  };
}

/** Decrypts what RSA-OAEP has encrypted; throws or rejects where it cannot be decrypted. */
type DecryptKey = (encryptedKey: Buffer) => Awaitable<Uint8Array>;

/** Some milliseconds. One for all keys: they hold up the same event loop. */
const turns = new Turns(8);

function atOnce(key: KeyObject, hash: Hash): DecryptKey {
  const oaepHash = hash.replace('-', '').toLowerCase();
  // Without options where they only say what is the default: on Node 24 they take some percent of the time.
  const options = hash === 'SHA-1' ? key : { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash };
  return (encryptedKey) => {
    const place = turns.take();
    return place === undefined
      ? privateDecrypt(options, encryptedKey)
      : place.then(() => privateDecrypt(options, encryptedKey));
  };
}

function inAnotherThread(key: KeyObject, hash: Hash): DecryptKey {
  const { subtle } = webcrypto;
  const algorithm = { name: 'RSA-OAEP', hash };
  let imported: Promise<webcrypto.CryptoKey> | undefined;
  const load = (): Promise<webcrypto.CryptoKey> =>
    subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['decrypt']);
  return async (encryptedKey) =>
    new Uint8Array(await subtle.decrypt(algorithm, await (imported ??= load()), encryptedKey));
}

function rsaOaepGcm(key: KeyObject, hash: Hash, keyBytes: number): Decrypt {
  const isShort = (key.asymmetricKeyDetails?.modulusLength ?? Infinity) <= MAX_BITS_AT_ONCE;
  const decryptKey = isShort ? atOnce(key, hash) : inAnotherThread(key, hash);

  const contentKey = async (encryptedKey: string): Promise<Uint8Array> => {
    try {
      const decrypted = await decryptKey(bytesOf(encryptedKey));
      if (decrypted.byteLength === keyBytes) return decrypted;
    } catch {
      // As below.
    }
    // RFC 7516 section 11.5: a key that cannot be had must look like one that does not fit.
    return randomBytes(keyBytes);
  };

  return async (jwe) => {
    const [header = '', encryptedKey = '', iv = '', ciphertext = '', tag = ''] = jwe.split('.', 5);
    const [nonce, authTag] = [bytesOf(iv), bytesOf(tag)];
    if (nonce.length !== IV_BYTES || authTag.length !== TAG_BYTES)
      throw new RangeError('The JWE is malformed.');
    const decipher = createDecipheriv(
      `aes-${String(keyBytes * 8)}-gcm` as 'aes-256-gcm',
      // That bytes are no KeyObject Node 24 finds out by exceptions, which take four times as long as all the rest.
      createSecretKey(await contentKey(encryptedKey)),
      nonce,
      { authTagLength: TAG_BYTES },
    );
    decipher.setAAD(Buffer.from(header, 'latin1')).setAuthTag(authTag);
    const start = decipher.update(ciphertext, 'base64url');
    // It throws unless the tag is right; nothing of the content is used before.
    const end = decipher.final();
    return end.length === 0 ? start : Buffer.concat([start, end]);
  };
}

function bytesOf(part: string): Buffer {
  return Buffer.from(part, 'base64url');
}
