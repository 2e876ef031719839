import { type Claims, freezeClaims, ownClaim, scopesOf } from '../claims.ts';
import { InvalidTokenError } from '../errors.ts';
import type { HttpResponse } from '../http/http-adapter.ts';
import type { AccessToken } from '../secret.ts';
import type { AuthorizationServerClientDependencies } from './authorization-server-client.ts';
import { Exchange, mediaTypeOf, parseJsonObject } from './exchange.ts';
import { readSignedAnswer } from './signed-answer.ts';

const SETTING = 'OIDC_OP_USER_ENDPOINT';
const JSON_TYPE = 'application/json';
const JWT_TYPE = 'application/jwt';
const ACCEPT = { AUTO: `${JSON_TYPE}, ${JWT_TYPE}`, JSON: JSON_TYPE, JWT: JWT_TYPE } as const;

/**
 * Asks the authorization server about the person behind a token, with that token.
 *
 * `OIDC_OP_USER_ENDPOINT_FORMAT` decides which answers are taken: plain JSON, a JWT that is signed (and may be encrypted
 * to this resource server's key), or either by the answer's content type.
 *
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#UserInfo | OpenID Connect Core section 5.3}
 */
export class UserinfoClient {
  readonly #dependencies: AuthorizationServerClientDependencies;
  readonly #exchange: Exchange;

  constructor(dependencies: AuthorizationServerClientDependencies) {
    const { settings, http, logger } = dependencies;
    this.#dependencies = dependencies;
    // Of its own: it may be down alone, and with cached claims it is all that is asked.
    this.#exchange = new Exchange({
      http,
      logger,
      timeoutMs: settings.OIDC_TIMEOUT * 1000,
      protect: 'OIDC_OP_USER_ENDPOINT',
    });
  }

  /**
   * Resolves with the claims about the person, deeply frozen, whose `sub` is that of the token; `undefined` where nobody
   * can be asked.
   *
   * Asked is `OIDC_OP_USER_ENDPOINT`. Where that is not set, and the authorization server is found by its metadata, it is
   * what the metadata names, for tokens with the scope `openid`: without that scope no server tells anything.
   *
   * @param claims What introspection said about the token.
   * @throws InvalidTokenError when the user endpoint refuses the token, say for want of the scope `openid`
   * @throws AuthorizationServerError when no believable answer comes
   */
  async fetch(token: AccessToken, claims: Claims): Promise<Claims | undefined> {
    const url = await this.#endpoint(claims);
    if (url === undefined) return undefined;
    const { OIDC_OP_USER_ENDPOINT_FORMAT: format } = this.#dependencies.settings;
    const response = await this.#exchange.send({
      method: 'GET',
      url,
      headers: { accept: ACCEPT[format], authorization: `Bearer ${token.reveal()}` },
    });
    if (response.status === 401 || response.status === 403) {
      throw new InvalidTokenError(
        'userinfo',
        `${SETTING} refuses the token: it may lack the scope "openid". Without ${SETTING} the claims of the token do.`,
      );
    }
    if (response.status !== 200) throw this.#exchange.unexpectedStatus(response, SETTING);
    const userinfo = await this.#read(response, claims);
    if (typeof userinfo.sub !== 'string' || userinfo.sub !== ownClaim(claims, 'sub')) {
      throw this.#exchange.untrusted(
        'sub',
        `${SETTING} told about somebody else: its "sub" is not the token's.`,
      );
    }
    try {
      return freezeClaims(userinfo);
    } catch {
      throw this.#exchange.untrusted('depth', 'It is nested too deep.');
    }
  }

  #endpoint(claims: Claims): string | undefined | Promise<string | undefined> {
    const { settings, metadata } = this.#dependencies;
    if (settings.OIDC_OP_USER_ENDPOINT !== undefined) return settings.OIDC_OP_USER_ENDPOINT;
    if (settings.OIDC_OP_INTROSPECTION_ENDPOINT !== undefined) return undefined;
    return scopesOf(claims).includes('openid')
      ? metadata.optionalEndpoint('OIDC_OP_USER_ENDPOINT')
      : undefined;
  }

  async #read(response: HttpResponse, claims: Claims): Promise<Record<string, unknown>> {
    const { settings } = this.#dependencies;
    const format = settings.OIDC_OP_USER_ENDPOINT_FORMAT;
    const type = mediaTypeOf(response);
    if (type === JWT_TYPE && format !== 'JSON') {
      // Meant for us, or for the client that the token was issued to. Many servers leave out `typ`.
      const audiences = [settings.OIDC_RS_CLIENT_ID, ownClaim(claims, 'client_id')];
      const algorithm = settings.OIDC_RS_SIGNING_ALGO;
      const required = { algorithm, types: ['jwt'], typeOptional: true, audiences, encrypted: false };
      const jwt = Buffer.from(response.body).toString('latin1');
      return readSignedAnswer(jwt, required, this.#dependencies, this.#exchange);
    }
    if (type !== JSON_TYPE || format === 'JWT') {
      throw this.#exchange.untrusted(
        'content_type',
        `Its content type does not fit ${SETTING}_FORMAT=${format}.`,
      );
    }
    const userinfo = parseJsonObject(response.body);
    if (userinfo === undefined) throw this.#exchange.untrusted('json', 'It is not a JSON object.');
    return userinfo;
  }
}
