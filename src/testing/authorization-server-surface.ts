import type { ClientTokenRequest, TokenRequest, Tokens } from './token-request.ts';

/** Where a test authorization server takes what. */
export interface TestEndpoints {
  readonly authorization: string;
  readonly token: string;
  readonly introspection: string;
  readonly revocation: string;
  readonly userinfo: string;
  readonly jwks: string;
}

/**
 * A real authorization server (oidc-provider) on a free port of the loopback address, with its own login pages.
 *
 * Its clients: `spa`, where people log in; `robot`, which acts for itself; and the APIs `api-json` (Basic),
 * `api-json-post` (secret in the body) and `api-jwt` (signed and encrypted answers). Any password opens its pages, and
 * nothing outlives it: it is for tests only.
 */
export interface TestAuthorizationServer extends AsyncDisposable {
  /** The issuer. */
  readonly url: string;
  /** Where it takes requests. */
  readonly endpoints: TestEndpoints;
  /** How many introspection requests have come in so far. */
  readonly introspections: number;
  /**
   * Resolves with a person's access token, at once and without the login pages.
   *
   * @throws Error when there is no such client, or no such person among `users`
   */
  tokenFor(subject: string, request: TokenRequest): Promise<string>;
  /** The same, with the refresh token and the ID token where the scopes ask for them. */
  tokensFor(subject: string, request: TokenRequest): Promise<Tokens>;
  /** Asks for a token of a client that acts for itself (client credentials). */
  clientToken(request: ClientTokenRequest): Promise<string>;
  /** Revokes a token (RFC 7009), and with a person's token all others of the same grant. A JWT cannot be revoked. */
  revoke(token: string): Promise<void>;
  /**
   * The settings of an API that uses this server, all that it needs to start: pass them to `createResourceServer`, or
   * set them as environment variables. `jwt` comes with the backend and a private key; say nothing of allowed callers
   * or scopes, which are yours to add.
   *
   * @param overrides Settings that win, and further ones.
   */
  settingsFor(
    api: 'json' | 'json-post' | 'jwt',
    overrides?: Readonly<Record<string, string>>,
  ): Record<string, string>;
  /** Signs with new keys from now on, and publishes only these. Tokens stay as they are. */
  rotateKeys(): Promise<void>;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
  /** Comes back on the same port, with all its tokens. */
  restart(): Promise<void>;
  /** Stops it: `await using server = await startTestAuthorizationServer()`. */
  [Symbol.asyncDispose](): Promise<void>;
}
