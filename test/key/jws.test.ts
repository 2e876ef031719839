import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifierOf } from '../../src/key/jws.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const signed = Buffer.from(
  [{ alg: 'ES256' }, { sub: 'alice' }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.'),
);

const verifier = (key: KeyObject, algorithm: string) =>
  verifierOf(createPublicKey(key).export({ format: 'jwk' }) as Record<string, string>, algorithm);
const jwsWith = (signature: Buffer) => `${signed.toString()}.${signature.toString('base64url')}`;
const ecdsa = (key = p256, data = signed) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });

/** A signature of which something holds that holds for one of 256, or more often. */
function signatureWhere(holds: (signature: Buffer) => boolean): Buffer {
  for (let i = 0; i < 10_000; i += 1) {
    const signature = ecdsa();
    if (holds(signature)) return signature;
  }
  throw new Error('no such signature');
}

const withBit = (signature: Buffer, index: number) => {
  const changed = Buffer.from(signature);
  changed[index] = (changed[index] as number) ^ 1;
  return changed;
};

const zeroBetween = (signature: Buffer) =>
  Buffer.concat([signature.subarray(0, 32), Buffer.alloc(1), signature.subarray(32)]);

describe('ES256', () => {
  it.each<[string, (signature: Buffer) => boolean]>([
    ['begins with a zero byte', (signature) => signature[0] === 0],
    ['has a second number that begins with a zero byte', (signature) => signature[32] === 0],
    ['has a zero byte before the highest bit', (s) => s[0] === 0 && (s[1] as number) > 0x7f],
    ['has the highest bit alone in its first byte', (signature) => signature[0] === 0x80],
    ['has numbers with the highest bit', (s) => (s[0] as number) > 0x7f && (s[32] as number) > 0x7f],
    ['has numbers without it', (s) => (s[0] as number) < 0x80 && (s[32] as number) < 0x80],
  ])('takes a signature that %s (J3)', async (_, holds) => {
    const verify = await verifier(p256, 'ES256');
    const payload = await verify(jwsWith(signatureWhere(holds)));
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ sub: 'alice' });
  });

  it.each<[string, Buffer]>([
    ['by another key', ecdsa(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
    ['about another payload', ecdsa(p256, Buffer.from('e30.e30'))],
    ['with a bit changed in its first number', withBit(ecdsa(), 31)],
    ['with a bit changed in its second number', withBit(ecdsa(), 63)],
    ['of zeros alone', Buffer.alloc(64)],
    ['of numbers that are too great', Buffer.alloc(64, 0xff)],
    ['that lacks a byte', ecdsa().subarray(1)],
    ['with a byte too many', Buffer.concat([ecdsa(), Buffer.alloc(1)])],
    ['with a zero between its numbers', zeroBetween(ecdsa())],
    ['in DER (RFC 7518 section 3.4 has no DER)', sign('sha256', signed, p256)],
    ['that is empty', Buffer.alloc(0)],
  ])('refuses a signature %s (J3)', async (_, signature) => {
    const verify = await verifier(p256, 'ES256');
    expect(() => verify(jwsWith(signature))).toThrow();
  });

  it('refuses a point that is not on the curve (K5)', async () => {
    const { x, y, ...jwk } = createPublicKey(p256).export({ format: 'jwk' }) as Record<string, string>;
    await expect(verifierOf({ ...jwk, x: y as string, y: x as string }, 'ES256')).rejects.toThrow();
  });
});

describe('RS256', () => {
  it('takes a signature of its key', async () => {
    const verify = await verifier(rsa, 'RS256');
    const payload = await verify(jwsWith(sign('sha256', signed, rsa)));
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ sub: 'alice' });
  });

  it.each<[string, Buffer]>([
    [
      'by another key',
      sign('sha256', signed, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    ],
    ['over another hash', sign('sha512', signed, rsa)],
    [
      'of another algorithm (PS256)',
      sign('sha256', signed, { key: rsa, padding: constants.RSA_PKCS1_PSS_PADDING }),
    ],
    ['with a bit changed', withBit(sign('sha256', signed, rsa), 255)],
    ['that is empty', Buffer.alloc(0)],
  ])('refuses a signature %s (J3)', async (_, signature) => {
    const verify = await verifier(rsa, 'RS256');
    expect(() => verify(jwsWith(signature))).toThrow();
  });
});
