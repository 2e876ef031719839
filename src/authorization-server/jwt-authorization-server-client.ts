import type { HttpResponse } from '../http/http-adapter.ts';
import type { SettingName } from '../settings.ts';
import {
  AuthorizationServerClient,
  type AuthorizationServerClientDependencies,
} from './authorization-server-client.ts';
import { readSignedAnswer, type SignedAnswerRequirements } from './signed-answer.ts';

const MEDIA_TYPE = 'application/token-introspection+jwt';
const MAX_AGE = 60;

/**
 * Asks the authorization server about tokens and reads answers that are signed by it and encrypted to this resource
 * server. A plain or unencrypted answer is refused: there is no silent downgrade.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9701#section-5 | RFC 9701 section 5}
 */
export class JWTAuthorizationServerClient extends AuthorizationServerClient {
  static override readonly requiredSettings: readonly SettingName[] = [
    ...AuthorizationServerClient.requiredSettings,
    'OIDC_RS_PRIVATE_KEY_STR',
  ];

  protected override readonly mediaType = MEDIA_TYPE;
  readonly #dependencies: AuthorizationServerClientDependencies;
  readonly #required: SignedAnswerRequirements;

  constructor(dependencies: AuthorizationServerClientDependencies) {
    super(dependencies);
    const { OIDC_RS_CLIENT_ID, OIDC_RS_INTROSPECTION_AUDIENCE, OIDC_RS_SIGNING_ALGO } = this.settings;
    this.#dependencies = dependencies;
    this.#required = {
      algorithm: OIDC_RS_SIGNING_ALGO,
      types: ['token-introspection+jwt'],
      audiences: [OIDC_RS_CLIENT_ID, ...OIDC_RS_INTROSPECTION_AUDIENCE],
      encrypted: true,
    };
  }

  protected override async readIntrospection(response: HttpResponse): Promise<Record<string, unknown>> {
    // A compact JWE is ASCII; whatever is not stays wrong this way, a BOM too.
    const jwe = Buffer.from(response.body).toString('latin1');
    const { iat, token_introspection: answer } = await readSignedAnswer(
      jwe,
      this.#required,
      this.#dependencies,
      this.exchange,
    );
    const { OIDC_RS_CLOCK_TOLERANCE: tolerance } = this.settings;
    const now = Date.now() / 1000;
    if (typeof iat !== 'number' || !(iat <= now + tolerance)) {
      throw this.exchange.untrusted('iat', 'Its time is missing or in the future.');
    }
    if (!(iat >= now - MAX_AGE - tolerance)) {
      throw this.exchange.untrusted('iat', 'It is more than a minute old: compare the clocks.');
    }
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
      throw this.exchange.untrusted(
        'token_introspection',
        'Its claim "token_introspection" is not an object.',
      );
    }
    return answer as Record<string, unknown>;
  }

  // glewlwyd answers every dead token with 400 and nothing else.
  protected override isTokenRefused(response: HttpResponse): boolean {
    return (response.status === 400 && response.body.length === 0) || super.isTokenRefused(response);
  }
}
