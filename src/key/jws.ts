import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Awaitable } from '../awaitable.ts';
import { loadJose } from './jose.ts';

/** The payload of a compact JWS whose header has been checked. It throws where another key made the signature. */
export type Verify = (jws: string) => Awaitable<Uint8Array>;

/**
 * Makes what verifies with a public key: RS256 and ES256, which nearly everybody uses, by the library that does it with the
 * least time; all else through jose.
 *
 * @throws Error when the numbers of the JWK are no key
 * @see docs/decisions/0015-cryptography-per-operation.md
 */
export async function verifierOf(jwk: Readonly<Record<string, string>>, algorithm: string): Promise<Verify> {
  if (algorithm === 'RS256') return atOnce(createPublicKey({ key: jwk, format: 'jwk' }), (bytes) => bytes);
  if (algorithm === 'ES256') return atOnce(createPublicKey({ key: jwk, format: 'jwk' }), derOfES256);
  const { compactVerify, importJWK } = await loadJose();
  const key = await importJWK(jwk, algorithm);
  return async (jws) => (await compactVerify(jws, key, { algorithms: [algorithm] })).payload;
}

// The key alone, and no options with it: those cost a third of a verification on Node 24.
function atOnce(key: KeyObject, signatureOf: (bytes: Buffer) => Buffer): Verify {
  return (jws) => {
    const [header = '', payload = '', signature = ''] = jws.split('.', 3);
    const signed = Buffer.from(`${header}.${payload}`, 'latin1');
    if (!verify('sha256', signed, key, signatureOf(Buffer.from(signature, 'base64url'))))
      throw new Error('The signature is wrong.');
    return Buffer.from(payload, 'base64url');
  };
}

const NUMBER_BYTES = 32;

/** The two numbers of an ECDSA signature as DER, which OpenSSL reads, instead of side by side (RFC 7518 section 3.4). */
function derOfES256(signature: Buffer): Buffer {
  if (signature.length !== 2 * NUMBER_BYTES) throw new Error('The signature has another length.');
  const numbers = [
    ...derInteger(signature.subarray(0, NUMBER_BYTES)),
    ...derInteger(signature.subarray(NUMBER_BYTES)),
  ];
  return Buffer.from([0x30, numbers.length, ...numbers]);
}

/** X.690 section 8.3: as short as can be, and never negative. */
function derInteger(number: Buffer): number[] {
  const start = number.findIndex((byte) => byte !== 0);
  const bytes = start === -1 ? [0] : [...number.subarray(start)];
  if ((bytes[0] as number) > 0x7f) bytes.unshift(0);
  return [0x02, bytes.length, ...bytes];
}
