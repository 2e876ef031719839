import type { HttpResponse } from '../http/http-adapter.ts';
import type { PrivateKeys } from '../key/private-keys.ts';
import type { SettingName } from '../settings.ts';
import {
  AuthorizationServerClient,
  type AuthorizationServerClientDependencies,
} from './authorization-server-client.ts';
import { SignatureError, type SigningKeys } from './signing-keys.ts';

const MEDIA_TYPE = 'application/token-introspection+jwt';
const TYPES = ['token-introspection+jwt'];
const MAX_AGE = 60;
const HINTS: Partial<Record<SignatureError['check'], string>> = {
  algorithm: 'Compare OIDC_RS_SIGNING_ALGO with the registration.',
  type: 'Some other message of the authorization server came in place of an answer.',
  kid: 'After a change of keys this can last half a minute; otherwise check OIDC_OP_JWKS_ENDPOINT.',
};

/**
 * Asks the authorization server about tokens and reads answers that are signed by it and encrypted to this resource
 * server. A plain or unencrypted answer is refused: there is no silent downgrade.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9701#section-5 | RFC 9701 section 5}
 */
export class JWTAuthorizationServerClient extends AuthorizationServerClient {
  static override readonly requiredSettings: readonly SettingName[] = [
    ...AuthorizationServerClient.requiredSettings,
    'OIDC_OP_JWKS_ENDPOINT',
    'OIDC_RS_PRIVATE_KEY_STR',
  ];

  protected override readonly mediaType = MEDIA_TYPE;
  readonly #privateKeys: PrivateKeys;
  readonly #signingKeys: SigningKeys;
  readonly #audiences: readonly unknown[];

  constructor(dependencies: AuthorizationServerClientDependencies) {
    super(dependencies);
    const { OIDC_RS_CLIENT_ID, OIDC_RS_INTROSPECTION_AUDIENCE } = this.settings;
    this.#privateKeys = dependencies.privateKeys;
    this.#signingKeys = dependencies.signingKeys;
    this.#audiences = [OIDC_RS_CLIENT_ID, ...OIDC_RS_INTROSPECTION_AUDIENCE];
  }

  protected override async readIntrospection(response: HttpResponse): Promise<Record<string, unknown>> {
    // A compact JWE is ASCII; whatever is not stays wrong this way, a BOM too.
    const envelope = await this.#open(Buffer.from(response.body).toString('latin1'));
    const problem = this.#problemOf(envelope);
    if (problem !== undefined) throw this.exchange.untrusted(...problem);
    return envelope.token_introspection as Record<string, unknown>;
  }

  // glewlwyd answers every dead token with 400 and nothing else.
  protected override isTokenRefused(response: HttpResponse): boolean {
    return (response.status === 400 && response.body.length === 0) || super.isTokenRefused(response);
  }

  async #open(jwe: string): Promise<Record<string, unknown>> {
    let jws: string;
    try {
      jws = (await this.#privateKeys.decrypt(jwe)).plaintext;
    } catch {
      throw this.exchange.untrusted(
        'decryption',
        'It cannot be decrypted: compare OIDC_RS_ENCRYPTION_* with the registration.',
      );
    }
    const algorithm = this.settings.OIDC_RS_SIGNING_ALGO;
    try {
      return (await this.#signingKeys.verify(jws, { algorithm, types: TYPES })).payload;
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      const hint = HINTS[error.check];
      throw this.exchange.untrusted(
        error.check,
        hint === undefined ? error.message : `${error.message} ${hint}`,
      );
    }
  }

  /** What is wrong with the outer claims, which tie the answer to its sender, to us, and to now. */
  #problemOf(envelope: Record<string, unknown>): [check: string, detail: string] | undefined {
    const { iss, aud, iat, exp, token_introspection: answer } = envelope;
    const { OIDC_OP_URL, OIDC_RS_CLOCK_TOLERANCE: tolerance } = this.settings;
    const now = Date.now() / 1000;
    if (typeof iss !== 'string' || iss !== OIDC_OP_URL)
      return ['iss', 'Its issuer is not exactly OIDC_OP_URL.'];
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    if (!audiences.some((audience) => typeof audience === 'string' && this.#audiences.includes(audience))) {
      return [
        'aud',
        'It is meant for somebody else: see OIDC_RS_CLIENT_ID and OIDC_RS_INTROSPECTION_AUDIENCE.',
      ];
    }
    if (typeof iat !== 'number' || !(iat <= now + tolerance))
      return ['iat', 'Its time is missing or in the future.'];
    if (!(iat >= now - MAX_AGE - tolerance))
      return ['iat', 'It is more than a minute old: compare the clocks.'];
    if (exp !== undefined && !(typeof exp === 'number' && exp > now - tolerance))
      return ['exp', 'It has expired.'];
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
      return ['token_introspection', 'Its claim "token_introspection" is not an object.'];
    }
    return undefined;
  }
}
