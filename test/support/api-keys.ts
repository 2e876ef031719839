import { generateKeyPairSync } from 'node:crypto';

/** The encryption keys of an API: the private one as a setting, the public one as registered at the authorization server. */
export interface ApiKeys {
  readonly pem: string;
  readonly jwks: { readonly keys: [{ readonly kty: string; readonly alg: string; readonly use: 'enc' }] };
}

/** Makes a key pair. The first one of the tests is an RSA key, as the settings' defaults want. */
export function newApiKeys(type: 'rsa' | 'ec' = 'rsa', alg = 'RSA-OAEP'): ApiKeys {
  const { privateKey, publicKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' }) as { kty: string };
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    jwks: { keys: [{ ...jwk, use: 'enc', alg }] },
  };
}
