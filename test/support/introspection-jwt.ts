import {
  CompactEncrypt,
  CompactSign,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
} from 'jose';
import type { PublicJwk } from '../../src/key/private-keys.ts';

/** A key that an authorization server signs with. */
export interface Signer {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  /** What the server publishes of it. */
  readonly jwk: JWK & { readonly kid: string };
}

/** Header members that are put in; `undefined` leaves one out. */
export type Header = Readonly<Record<string, unknown>>;

export async function createSigner(alg: string, kid = `${alg}-key`): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** The inner half of an answer: a JWS, as RFC 9701 section 5 wants it unless the header says otherwise. */
export async function signAnswer(signer: Signer, payload: unknown, header: Header = {}): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return new CompactSign(Buffer.from(text))
    .setProtectedHeader({
      alg: signer.alg,
      typ: 'token-introspection+jwt',
      kid: signer.jwk.kid,
      ...header,
    })
    .sign(signer.privateKey);
}

/** The outer half: a JWE for a key that the resource server publishes. */
export async function encryptAnswer(jwk: PublicJwk, plaintext: string, header: Header = {}): Promise<string> {
  return new CompactEncrypt(Buffer.from(plaintext))
    .setProtectedHeader({
      alg: jwk.alg,
      enc: 'A256GCM',
      cty: 'JWT',
      kid: jwk.kid,
      ...header,
    })
    .encrypt(await importJWK({ ...jwk }, (header['alg'] as string | undefined) ?? jwk.alg));
}

/** A JWS that no library would make: whatever header, whatever signature. */
export function forgeJws(
  header: Header,
  payload: unknown,
  signature: Buffer | ((input: Buffer) => Buffer),
): string {
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode(header)}.${encode(payload)}`;
  const bytes = typeof signature === 'function' ? signature(Buffer.from(input)) : signature;
  return `${input}.${bytes.toString('base64url')}`;
}
