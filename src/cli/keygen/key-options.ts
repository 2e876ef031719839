import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { KeyType } from '../../key/private-keys.ts';
import { UsageError } from '../exit-code.ts';

/** What `--type`, `--bits`, `--curve` and `--algorithm` may be together. */
export interface KeyFlags {
  readonly type: KeyType;
  readonly bits?: number;
  readonly curve?: string;
  readonly algorithm?: string;
}

const RSA_OAEP = ['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'];
const ECDH_ES = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'];
const CURVES: Readonly<Record<string, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};
const BITS = [2048, 3072, 4096];

/** The algorithm of a key: the one that was asked for, if it fits, or the usual one of its type. */
export function algorithmOf({ type, algorithm }: KeyFlags): string {
  const fitting = type === 'RSA' ? RSA_OAEP : ECDH_ES;
  if (algorithm === undefined) return type === 'RSA' ? 'RSA-OAEP' : 'ECDH-ES+A256KW';
  if (!fitting.includes(algorithm))
    throw new UsageError(`--algorithm of --type ${type} is one of ${fitting.join(', ')}.`);
  return algorithm;
}

/** Makes a private key. @throws UsageError when the options do not fit together */
export function generateKey({ type, bits, curve }: KeyFlags): KeyObject {
  if (type !== 'RSA' && bits !== undefined)
    throw new UsageError('--bits is for --type RSA; choose --curve instead.');
  switch (type) {
    case 'RSA':
      if (curve !== undefined)
        throw new UsageError('--curve is for --type EC and OKP; choose --bits instead.');
      if (bits !== undefined && !BITS.includes(bits))
        throw new UsageError(`--bits is one of ${BITS.join(', ')}.`);
      return generateKeyPairSync('rsa', { modulusLength: bits ?? 3072 }).privateKey;
    case 'EC': {
      const namedCurve = CURVES[curve ?? 'P-256'];
      if (namedCurve === undefined)
        throw new UsageError(`--curve of --type EC is one of ${Object.keys(CURVES).join(', ')}.`);
      return generateKeyPairSync('ec', { namedCurve }).privateKey;
    }
    case 'OKP':
      if (curve !== undefined && curve !== 'X25519') throw new UsageError('--curve of --type OKP is X25519.');
      return generateKeyPairSync('x25519').privateKey;
  }
}
