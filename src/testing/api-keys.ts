import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { TestAuthorizationServerOptions, TestJwkSet } from './authorization-server-options.ts';

/** The encryption key of an API: the private half as settings, the public one as registered at the server. */
export interface ApiKeys {
  readonly settings: Readonly<Record<string, string>>;
  readonly jwks: TestJwkSet;
}

const generate = promisify(generateKeyPair);

/** Makes a key of the kind that the algorithm wants. RSA is made in another thread, and takes a moment. */
export async function newApiKeys({
  encryptionAlg: alg = 'RSA-OAEP',
  encryptionEnc: enc = 'A256GCM',
}: TestAuthorizationServerOptions): Promise<ApiKeys> {
  const type = alg.startsWith('RSA') ? 'RSA' : 'EC';
  const { privateKey, publicKey } =
    type === 'RSA'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: 'P-256' });
  return {
    settings: {
      OIDC_RS_PRIVATE_KEY_STR: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      OIDC_RS_ENCRYPTION_KEY_TYPE: type,
      OIDC_RS_ENCRYPTION_ALGO: alg,
      OIDC_RS_ENCRYPTION_ENCODING: enc,
    },
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'enc', alg }] },
  };
}
