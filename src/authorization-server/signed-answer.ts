import type { AuthorizationServerClientDependencies } from './authorization-server-client.ts';
import type { Exchange } from './exchange.ts';
import { SignatureError, type SignatureRequirements } from './signing-keys.ts';

/** What a signed answer of the authorization server must be. */
export interface SignedAnswerRequirements extends SignatureRequirements {
  /** Whom it may be meant for. */
  readonly audiences: readonly unknown[];
  /** Whether it must be encrypted to this resource server as well. */
  readonly encrypted: boolean;
}

const HINTS: Partial<Record<SignatureError['check'], string>> = {
  algorithm: 'Compare OIDC_RS_SIGNING_ALGO with the registration.',
  type: 'Some other message of the authorization server came in place of an answer.',
  kid: 'After a change of keys this can last half a minute; otherwise check OIDC_OP_JWKS_ENDPOINT.',
};

/**
 * Decrypts an answer of the authorization server, verifies its signature, and checks the claims that tie it to its
 * sender, to us, and to now: `iss`, `aud`, `exp`. It decides on nothing else in it.
 *
 * @throws AuthorizationServerError when the answer is not to be believed, or the signing keys cannot be had
 */
export async function readSignedAnswer(
  jwt: string,
  required: SignedAnswerRequirements,
  dependencies: Omit<AuthorizationServerClientDependencies, 'http' | 'logger'>,
  exchange: Exchange,
): Promise<Record<string, unknown>> {
  const { settings, signingKeys } = dependencies;
  const jws = await decrypted(jwt, required.encrypted, dependencies, exchange);
  let answer: Record<string, unknown>;
  try {
    answer = (await signingKeys.verify(jws, required)).payload;
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    const hint = HINTS[error.check];
    throw exchange.untrusted(error.check, hint === undefined ? error.message : `${error.message} ${hint}`);
  }
  const { iss, aud, exp } = answer;
  if (typeof iss !== 'string' || iss !== settings.OIDC_OP_URL) {
    throw exchange.untrusted('iss', 'Its issuer is not exactly OIDC_OP_URL.');
  }
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((audience) => typeof audience === 'string' && required.audiences.includes(audience))) {
    throw exchange.untrusted(
      'aud',
      'It is meant for somebody else: see OIDC_RS_CLIENT_ID and, for introspection, OIDC_RS_INTROSPECTION_AUDIENCE.',
    );
  }
  const earliest = Date.now() / 1000 - settings.OIDC_RS_CLOCK_TOLERANCE;
  if (exp !== undefined && !(typeof exp === 'number' && exp > earliest)) {
    throw exchange.untrusted('exp', 'It has expired.');
  }
  return answer;
}

async function decrypted(
  jwt: string,
  required: boolean,
  { privateKeys }: Pick<AuthorizationServerClientDependencies, 'privateKeys'>,
  exchange: Exchange,
): Promise<string> {
  if (!required && jwt.split('.', 4).length === 3) return jwt;
  try {
    return (await privateKeys.decrypt(jwt)).plaintext;
  } catch {
    throw exchange.untrusted(
      'decryption',
      'It cannot be decrypted: compare OIDC_RS_ENCRYPTION_* with the registration.',
    );
  }
}
