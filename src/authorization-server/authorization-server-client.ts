import { isThenable } from '../awaitable.ts';
import { type Claims, freezeClaims } from '../claims.ts';
import type { AuthorizationServerError } from '../errors.ts';
import type { HttpAdapter, HttpResponse } from '../http/http-adapter.ts';
import type { PrivateKeys } from '../key/private-keys.ts';
import type { Secret } from '../secret.ts';
import type { SettingName, Settings } from '../settings.ts';
import type { Logger } from '../types.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { Exchange, isOfType, parseJsonObject } from './exchange.ts';
import type { AuthorizationServerMetadata } from './metadata.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What a client of the authorization server is made of; the bag that backends receive has it all. */
export interface AuthorizationServerClientDependencies {
  readonly settings: Settings;
  readonly http: HttpAdapter;
  readonly logger: Logger;
  /** Where its endpoints are: by the settings, or by what it publishes. */
  readonly metadata: AuthorizationServerMetadata;
  readonly signingKeys: SigningKeys;
  readonly privateKeys: PrivateKeys;
}

const INACTIVE: Claims = freezeClaims({ active: false });
const TIMES = ['exp', 'iat', 'nbf'] as const;

/**
 * Asks the authorization server about tokens and reads its plain JSON answers.
 *
 * It decides whether an answer can be believed, never whether a token is let in. Pass a subclass of it as the second
 * constructor argument of a backend to talk to a server that deviates from the RFC.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7662#section-2 | RFC 7662 section 2}
 */
export class AuthorizationServerClient {
  /** The settings without which this client cannot work. */
  static readonly requiredSettings: readonly SettingName[] = [
    'OIDC_OP_URL',
    'OIDC_RS_CLIENT_ID',
    'OIDC_RS_CLIENT_SECRET',
  ];

  /** The one media type that is asked for and accepted. */
  protected readonly mediaType: string = 'application/json';
  protected readonly settings: Settings;
  protected readonly exchange: Exchange;
  readonly #logger: Logger;
  readonly #metadata: AuthorizationServerMetadata;
  #authentication: ClientAuthentication | undefined;

  constructor(dependencies: AuthorizationServerClientDependencies) {
    const { settings, http, logger, metadata } = dependencies;
    this.settings = settings;
    this.#logger = logger;
    this.#metadata = metadata;
    this.exchange = new Exchange({
      http,
      logger,
      timeoutMs: settings.OIDC_TIMEOUT * 1000,
      protect: 'OIDC_OP_INTROSPECTION_ENDPOINT',
    });
  }

  /**
   * Introspects a token: resolves with the members of RFC 7662, deeply frozen, whose `active` is a boolean and whose
   * `exp`, `iat` and `nbf` are finite numbers where they are there.
   *
   * @param token The access token, as sent. It travels in the body only.
   * @throws AuthorizationServerError when no believable answer comes
   */
  async introspect(token: string): Promise<Claims> {
    const endpoint = this.introspectionEndpoint();
    const url = typeof endpoint === 'string' ? endpoint : await endpoint;
    const body = `token=${encodeURIComponent(token)}&token_type_hint=access_token`;
    this.#authentication ??= this.#authenticate();
    const response = await this.#authentication.send((credentials) =>
      this.exchange.send({
        method: 'POST',
        url,
        headers: credentials.headers,
        body: body + credentials.form,
      }),
    );
    if (response.status !== 200) {
      if (this.isTokenRefused(response)) return INACTIVE;
      throw this.#refused(response);
    }
    if (!isOfType(response, this.mediaType)) {
      throw this.exchange.untrusted('content_type', `It is not ${this.mediaType}, which was asked for.`);
    }
    const answer = this.readIntrospection(response);
    return this.#believable(isThenable(answer) ? await answer : answer, token);
  }

  /** Where introspection requests go: `OIDC_OP_INTROSPECTION_ENDPOINT`, or what the metadata names. */
  protected introspectionEndpoint(): string | Promise<string> {
    return this.#metadata.endpoint('OIDC_OP_INTROSPECTION_ENDPOINT');
  }

  /** Takes the members of RFC 7662 out of a 200 answer. Override it for another envelope around them. */
  protected readIntrospection(
    response: HttpResponse,
  ): Record<string, unknown> | Promise<Record<string, unknown>> {
    const answer = parseJsonObject(response.body);
    if (answer === undefined) throw this.exchange.untrusted('json', 'It is not a JSON object.');
    return answer;
  }

  /** Whether an answer other than 200 blames the token, which its sender chose: no fault of the server's, and no alarm. */
  protected isTokenRefused(response: HttpResponse): boolean {
    return response.status === 400 && parseJsonObject(response.body)?.error === 'unsupported_token_type';
  }

  #authenticate(): ClientAuthentication {
    return new ClientAuthentication({
      method: this.settings.OIDC_RS_CLIENT_AUTH_METHOD,
      clientId: this.settings.OIDC_RS_CLIENT_ID as string,
      clientSecret: this.settings.OIDC_RS_CLIENT_SECRET as Secret,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: this.mediaType },
      advertised: () => this.#metadata.clientAuthenticationMethods,
      exchange: this.exchange,
      logger: this.#logger,
    });
  }

  #refused(response: HttpResponse): AuthorizationServerError {
    const { status } = response;
    const error = status === 400 ? parseJsonObject(response.body)?.error : undefined;
    if (status === 403 || error === 'unauthorized_client') {
      return this.exchange.clientRejected(status, 'Allow this client to introspect tokens.');
    }
    if (error === 'invalid_request') {
      const detail = 'The client may be registered for the other kind of answer: see OIDC_RS_BACKEND_CLASS.';
      return this.exchange.unavailable({ kind: 'status', status }, `It calls the request invalid. ${detail}`);
    }
    return this.exchange.unexpectedStatus(response, 'OIDC_OP_INTROSPECTION_ENDPOINT');
  }

  #believable(answer: Record<string, unknown>, token: string): Claims {
    const { active } = answer;
    if (!Object.hasOwn(answer, 'active') || typeof active !== 'boolean') {
      throw this.exchange.untrusted('active', 'Its member "active" is not true or false.');
    }
    // An inactive answer says nothing else, whatever else it holds.
    if (!active) return INACTIVE;
    for (const name of TIMES) {
      if (Object.hasOwn(answer, name) && !Number.isFinite(answer[name])) {
        throw this.exchange.untrusted(name, `Its member "${name}" is not a number.`);
      }
    }
    const jti = token.includes('.') ? unverifiedJti(token) : undefined;
    if (jti !== undefined && Object.hasOwn(answer, 'jti') && answer.jti !== jti) {
      throw this.exchange.untrusted('jti', 'Its "jti" is that of another token.');
    }
    try {
      return freezeClaims(answer);
    } catch {
      throw this.exchange.untrusted('depth', 'It is nested too deep.');
    }
  }
}

/** The `jti` that a JWT-shaped token itself names. Not verified: it only has to agree with the answer. */
function unverifiedJti(token: string): string | undefined {
  const payload = token.split('.', 3)[1] ?? '';
  const jti = parseJsonObject(Buffer.from(payload, 'base64url'))?.jti;
  return typeof jti === 'string' ? jti : undefined;
}
