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
    const end = jws.lastIndexOf('.');
    const signed = Buffer.from(jws.slice(0, end), 'latin1');
    const signature = signatureOf(Buffer.from(jws.slice(end + 1), 'base64url'));
    if (!verify('sha256', signed, key, signature)) throw new Error('The signature is wrong.');
    return Buffer.from(jws.slice(jws.indexOf('.') + 1, end), 'base64url');
  };
}

const NUMBER_BYTES = 32;
// Three tags with a length each, and a zero before each number that would be negative.
const MAX_DER_BYTES = 6 + 2 * (1 + NUMBER_BYTES);

/** The two numbers of an ECDSA signature as DER, which OpenSSL reads, instead of side by side (RFC 7518 section 3.4). */
function derOfES256(signature: Buffer): Buffer {
  if (signature.length !== 2 * NUMBER_BYTES) throw new Error('The signature has another length.');
  const der = Buffer.allocUnsafe(MAX_DER_BYTES);
  const middle = writeInteger(der, 2, signature, 0);
  const end = writeInteger(der, middle, signature, NUMBER_BYTES);
  der[0] = 0x30;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** X.690 section 8.3: as short as can be, and never negative. Returns where it ends. */
function writeInteger(der: Buffer, at: number, numbers: Buffer, start: number): number {
  const end = start + NUMBER_BYTES;
  let first = start;
  while (first < end - 1 && numbers[first] === 0) first += 1;
  const zeros = (numbers[first] as number) > 0x7f ? 1 : 0;
  der[at] = 0x02;
  der[at + 1] = zeros + end - first;
  der[at + 2] = 0;
  numbers.copy(der, at + 2 + zeros, first, end);
  return at + 2 + zeros + end - first;
}
