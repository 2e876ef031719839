import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

import type { Secret } from '../secret.ts';
import { type Header, headerReader, isBase64url } from './jose.ts';
import { type Decrypt, decryptWith } from './jwe.ts';

/** The types of key that `OIDC_RS_ENCRYPTION_KEY_TYPE` can name: the `kty` of a JWK. */
export type KeyType = 'RSA' | 'EC' | 'OKP';

/** A public encryption key as it is published. It has no private member. */
export interface PublicJwk {
  readonly kty: string;
  readonly use: 'enc';
  /** The one algorithm that answers may be encrypted with: `OIDC_RS_ENCRYPTION_ALGO`. */
  readonly alg: string;
  /** The key's thumbprint, the same in every process (RFC 7638). */
  readonly kid: string;
  readonly [member: string]: string;
}

/** A JWK Set (RFC 7517 section 5) of public encryption keys. Frozen. */
export interface PublicJwkSet {
  readonly keys: readonly PublicJwk[];
}

/** What `PrivateKeys.read` reads, from the settings. */
export interface PrivateKeysOptions {
  /** `OIDC_RS_PRIVATE_KEY_STR`: one to eight PEM blocks, the current key first. */
  readonly pem: Secret | undefined;
  /** `OIDC_RS_ENCRYPTION_KEY_TYPE` */
  readonly keyType: KeyType;
  /** `OIDC_RS_ENCRYPTION_ALGO` */
  readonly algorithm: string;
  /** `OIDC_RS_ENCRYPTION_ENCODING` */
  readonly encoding: string;
}

/** What a decrypted message is. */
export interface Decrypted {
  readonly plaintext: string;
  /** The protected header. Nobody signed it: anyone can encrypt to a public key. */
  readonly header: Readonly<Record<string, unknown>>;
}

/**
 * A message could not be decrypted. The text is always the same and there is no `cause`: telling a bad header from
 * a bad key or bad padding is what an attacker would ask for.
 */
export class DecryptionError extends Error {
  constructor() {
    super('The message cannot be decrypted with the keys of this resource server.');
    this.name = 'DecryptionError';
  }
}

interface PrivateKey {
  readonly kid: string;
  readonly decrypt: Decrypt;
}

const SETTING = 'OIDC_RS_PRIVATE_KEY_STR';
const MAX_KEYS = 8;
const MIN_RSA_BITS = 2048;
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const RSA_OAEP = ['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'];
const ECDH_ES = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'];
const ALGORITHMS: Readonly<Record<KeyType, readonly string[]>> = { RSA: RSA_OAEP, EC: ECDH_ES, OKP: ECDH_ES };
const ENCODINGS = ['A128GCM', 'A192GCM', 'A256GCM', 'A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'];
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The private keys of this resource server: they decrypt what the authorization server encrypts for it, and their
 * public side is what `/jwks` publishes.
 *
 * They do not sign, and they vouch for nothing: whoever reads a plaintext has to verify the signature inside.
 */
export class PrivateKeys {
  /** The public side of the first key alone; while keys are rotated, the others only decrypt. Empty without a key. */
  readonly publicJwkSet: PublicJwkSet;
  readonly #keys: readonly PrivateKey[];
  readonly #algorithm: string;
  readonly #encoding: string;
  readonly #headerOf = headerReader();

  private constructor(keys: readonly KeyObject[], options: PrivateKeysOptions) {
    const jwks = keys.map((key) => publicJwk(key, options.algorithm));
    this.publicJwkSet = Object.freeze({ keys: Object.freeze(jwks.slice(0, 1)) });
    const { algorithm, encoding } = options;
    this.#keys = keys.map((key, index) => ({
      kid: jwks[index]?.kid ?? '',
      decrypt: decryptWith(key, algorithm, encoding),
    }));
    this.#algorithm = algorithm;
    this.#encoding = encoding;
  }

  /**
   * Reads keys from PEM (PKCS#8, PKCS#1 or SEC1) and checks key, type, algorithm and encoding against each other.
   *
   * It does not throw: each problem is one sentence that begins with a setting's name and holds nothing of a key.
   * With a problem, or without a PEM, there are no keys.
   */
  static read(options: PrivateKeysOptions): { keys: PrivateKeys; problems: string[] } {
    const { pem, keyType, algorithm, encoding } = options;
    if (pem === undefined) return { keys: new PrivateKeys([], options), problems: [] };
    const { keys, problems } = readPem(pem.reveal(), keyType, algorithm);
    if (!ALGORITHMS[keyType].includes(algorithm)) {
      const right = ALGORITHMS[keyType].join(', ');
      problems.push(
        `OIDC_RS_ENCRYPTION_ALGO does not fit OIDC_RS_ENCRYPTION_KEY_TYPE=${keyType}: use one of ${right}.`,
      );
    }
    if (!ENCODINGS.includes(encoding)) {
      problems.push(`OIDC_RS_ENCRYPTION_ENCODING must be one of ${ENCODINGS.join(', ')}.`);
    }
    return { keys: new PrivateKeys(problems.length === 0 ? keys : [], options), problems };
  }

  /**
   * Decrypts a compact JWE whose `alg` and `enc` are exactly the configured ones. The key with the header's `kid`
   * is tried first, then the others in order.
   *
   * It takes nothing else from the header (no `jwk`, `jku`, `x5u`, `x5c`), inflates nothing (`zip`), and knows no
   * extension (`crit`).
   *
   * @throws DecryptionError for whatever reason
   * @see {@link https://www.rfc-editor.org/rfc/rfc7516#section-5.2 | RFC 7516 section 5.2}
   */
  async decrypt(jwe: string): Promise<Decrypted> {
    const header = this.#checkHeader(jwe);
    for (const { decrypt } of this.#inOrder(header.kid)) {
      try {
        return { plaintext: UTF8.decode(await decrypt(jwe)), header };
      } catch {
        // The next key. Why this one failed is told to nobody.
      }
    }
    throw new DecryptionError();
  }

  // Before any work with a key: a forged header must cost nothing (PBES2 with a huge p2c, say).
  #checkHeader(jwe: string): Header {
    const parts = jwe.split('.', 6);
    const [protectedHeader, encryptedKey, ...rest] = parts;
    const header = this.#headerOf(protectedHeader);
    const keyFits = this.#algorithm === 'ECDH-ES' ? encryptedKey === '' : isBase64url(encryptedKey);
    if (
      parts.length !== 5 ||
      !keyFits ||
      !rest.every(isBase64url) ||
      header === undefined ||
      header.alg !== this.#algorithm ||
      header.enc !== this.#encoding ||
      Object.hasOwn(header, 'zip') ||
      Object.hasOwn(header, 'crit')
    ) {
      throw new DecryptionError();
    }
    return header;
  }

  #inOrder(kid: unknown): readonly PrivateKey[] {
    if (this.#keys.length === 1) return this.#keys;
    const named = this.#keys.filter((key) => key.kid === kid);
    return [...named, ...this.#keys.filter((key) => key.kid !== kid)];
  }
}

// From the public KeyObject alone, member by member: no private member can come along.
function publicJwk(key: KeyObject, alg: string): PublicJwk {
  const { kty = '', crv, e, n, x, y } = createPublicKey(key).export({ format: 'jwk' });
  // RFC 7638 section 3.2: the required members in the order of their names, and nothing else.
  const required = Object.entries({ crv, e, kty, n, x, y }).filter(
    (member): member is [string, string] => member[1] !== undefined,
  );
  const members = Object.fromEntries(required);
  const kid = createHash('sha256').update(JSON.stringify(members)).digest('base64url');
  return Object.freeze({ ...members, kty, use: 'enc', alg, kid });
}

function readPem(
  text: string,
  keyType: KeyType,
  algorithm: string,
): { keys: KeyObject[]; problems: string[] } {
  // A backslash is never part of PEM: it is a newline that an environment file kept as two characters.
  const pem = text.replace(/\\[rn]/g, '\n');
  const block = /-----BEGIN ([A-Z0-9 ]+)-----(?:(?!-----)[^])*-----END \1-----/g;
  // `openssl ecparam -genkey` writes the curve in a block of its own, before the key.
  const blocks = [...pem.matchAll(block)].filter(([, label]) => label !== 'EC PARAMETERS');
  if (blocks.length === 0 || /--\s*(BEGIN|END)/.test(pem.replace(block, ''))) {
    return {
      keys: [],
      problems: [
        `${SETTING} is not PEM: give whole blocks from "-----BEGIN PRIVATE KEY-----" to "-----END PRIVATE KEY-----".`,
      ],
    };
  }
  if (blocks.length > MAX_KEYS) {
    return {
      keys: [],
      problems: [`${SETTING} has more than ${MAX_KEYS} keys: remove the oldest, at the end.`],
    };
  }
  const keys: KeyObject[] = [];
  const problems: string[] = [];
  for (const [index, [whole, label]] of blocks.entries()) {
    const key = readBlock(whole, label ?? '');
    const problem = typeof key === 'string' ? key : problemOf(key, keyType, algorithm);
    const position = blocks.length === 1 ? '' : ` (key ${index + 1} of ${blocks.length})`;
    if (problem !== undefined) problems.push(`${SETTING}${position} ${problem}`);
    else if (typeof key !== 'string') keys.push(key);
  }
  return { keys, problems };
}

// The key, or what is wrong with the block. Nothing of OpenSSL's own message, and no label that is not ours.
function readBlock(block: string, label: string): KeyObject | string {
  if (label === 'ENCRYPTED PRIVATE KEY' || block.includes('Proc-Type: 4,ENCRYPTED')) {
    return 'is encrypted. Decrypt it with: openssl pkey -in encrypted.pem -out key.pem';
  }
  if (label.endsWith('PUBLIC KEY')) return 'is a public key: give the private key that belongs to it.';
  if (label.includes('CERTIFICATE')) return 'is a certificate: give the private key that belongs to it.';
  if (label === 'OPENSSH PRIVATE KEY') {
    return 'is in the format of OpenSSH. Convert it with: ssh-keygen -p -m PKCS8 -f key';
  }
  try {
    return createPrivateKey(block);
  } catch {
    return 'cannot be read as a private key: give it as PKCS#8, PKCS#1 or SEC1 PEM, as openssl writes it.';
  }
}

function problemOf(key: KeyObject, keyType: KeyType, algorithm: string): string | undefined {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const type = typeOf(key);
  if (type === undefined) {
    return 'is of a kind that cannot decrypt here: use RSA, EC (P-256, P-384, P-521) or X25519.';
  }
  if (type === 'EC' && !CURVES.includes(namedCurve)) {
    return 'is on a curve that is not supported: use P-256, P-384 or P-521.';
  }
  if (type === 'RSA' && modulusLength < MIN_RSA_BITS) {
    return `is an RSA key of less than ${MIN_RSA_BITS} bits: make a new one with: openssl genrsa -out key.pem 3072`;
  }
  if (type === keyType) return undefined;
  const fit = ALGORITHMS[type].includes(algorithm)
    ? ''
    : ` and OIDC_RS_ENCRYPTION_ALGO=${ALGORITHMS[type][0]}`;
  return `is of type ${type} while OIDC_RS_ENCRYPTION_KEY_TYPE is ${keyType}: set OIDC_RS_ENCRYPTION_KEY_TYPE=${type}${fit}, or give a key of type ${keyType}.`;
}

function typeOf(key: KeyObject): KeyType | undefined {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'RSA';
    case 'ec':
      return 'EC';
    case 'x25519':
      return 'OKP';
    default:
      return undefined;
  }
}
