import { AuthorizationServerClient } from '../authorization-server/authorization-server-client.ts';
import type { Awaitable } from '../awaitable.ts';
import { type Claims, ownClaim } from '../claims.ts';
import { AccessToken } from '../secret.ts';
import type { SettingName } from '../settings.ts';
import type { RevocationTarget } from '../types.ts';
import { CachedIntrospection } from './cached-introspection.ts';
import { checkActive, checkIssuer, checkTimes, checkTokenType } from './claim-checks.ts';
import { type BackendDependencies, ResourceServerBackend } from './resource-server-backend.ts';

/**
 * Has the authorization server introspect every token and reads its plain JSON answer. This is what
 * `OIDC_RS_BACKEND_CLASS=ResourceServerBackend` means.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7662 | RFC 7662}
 */
export class IntrospectionResourceServerBackend<
  TUser,
  TClaims extends Claims = Claims,
> extends ResourceServerBackend<TUser, TClaims> {
  static override readonly requiredSettings: readonly SettingName[] =
    AuthorizationServerClient.requiredSettings;

  /** Towards the authorization server. */
  protected readonly authorizationServer: AuthorizationServerClient;
  readonly #introspections: CachedIntrospection<TClaims>;

  /** @param authorizationServer Another client of the authorization server, for one that deviates from the RFC. */
  constructor(dependencies: BackendDependencies<TUser>, authorizationServer?: AuthorizationServerClient) {
    super(dependencies);
    this.authorizationServer = authorizationServer ?? new AuthorizationServerClient(dependencies);
    const { settings, logger, claimsCache } = dependencies;
    this.#introspections = new CachedIntrospection({
      settings,
      logger,
      cache: claimsCache,
      backendName: new.target.name,
      introspect: (token) => this.introspect(token),
    });
  }

  /**
   * Introspects the token and refuses an answer that is inactive, expired, not yet valid, from another issuer, or
   * about another kind of token.
   *
   * Override {@link introspect} rather than this, to keep these checks.
   */
  override getClaims(token: AccessToken): Awaitable<TClaims> {
    const claims = this.#introspections.of(token);
    // What is cached is decided on at once.
    if (!(claims instanceof Promise) && !this.settings.OIDC_RS_BASE64_TOKENS) return this.#checked(claims);
    return this.#afterAsking(token, claims);
  }

  async #afterAsking(token: AccessToken, asked: Awaitable<TClaims>): Promise<TClaims> {
    let claims = await asked;
    if (this.settings.OIDC_RS_BASE64_TOKENS && ownClaim(claims, 'active') === false) {
      const decoded = decodeBase64Token(token);
      if (decoded !== undefined) claims = await this.#introspections.of(decoded);
    }
    return this.#checked(claims);
  }

  #checked(claims: TClaims): TClaims {
    const { OIDC_OP_URL, OIDC_RS_CLOCK_TOLERANCE, OIDC_RS_REQUIRE_ISSUER, OIDC_RS_REQUIRE_TOKEN_TYPE } =
      this.settings;
    checkActive(claims);
    checkTimes(claims, OIDC_RS_CLOCK_TOLERANCE);
    checkIssuer(claims, OIDC_OP_URL, OIDC_RS_REQUIRE_ISSUER);
    checkTokenType(claims, OIDC_RS_REQUIRE_TOKEN_TYPE);
    return claims;
  }

  /** Forgets what the authorization server said before now about a token, a subject, a session or a client. */
  override async revoke(target: RevocationTarget): Promise<void> {
    await this.#introspections.revoke(target);
    const decoded =
      this.settings.OIDC_RS_BASE64_TOKENS && 'token' in target
        ? decodeBase64Token(new AccessToken(target.token))
        : undefined;
    if (decoded !== undefined) await this.#introspections.revoke({ token: decoded.reveal() });
  }

  /**
   * Asks about one token; resolves with the members of RFC 7662, inactive answers included.
   *
   * Requests that come at the same time share one call of it, and with `OIDC_RS_CACHE_TTL` those that come later, too: it
   * must depend on the token alone.
   *
   * Override it to add claims from elsewhere or to ask another way. What it resolves with is checked by `getClaims`.
   *
   * @throws AuthorizationServerError when no believable answer comes
   */
  protected introspect(token: AccessToken): Promise<TClaims> {
    return this.authorizationServer.introspect(token.reveal()) as Promise<TClaims>;
  }
}

// RFC 6750 section 2.1: what a token may be made of.
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** The token inside, where a client has base64-encoded it; only if it encodes back to the very same string. */
function decodeBase64Token(token: AccessToken): AccessToken | undefined {
  const encoded = token.reveal();
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return undefined;
  const decoded = bytes.toString('latin1');
  return TOKEN.test(decoded) ? new AccessToken(decoded, token.scheme) : undefined;
}
