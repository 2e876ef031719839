/** What a person's tokens should be like. */
export interface TokenRequest {
  /** The scopes of the token. */
  readonly scopes: readonly string[];
  /** What the token is for: its `aud`. Default: none. */
  readonly resource?: string;
  /** The client that the person logged in at: `client_id`. Default: `spa`. */
  readonly client?: string;
  /** More claims of the token, beside those that the server sets. The server's own win. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Binds the token to the key of this thumbprint (RFC 9449): `cnf.jkt`. Default: a Bearer token. */
  readonly dpopJkt?: string;
  /** Seconds; a negative number makes tokens that have expired. Default: 600. */
  readonly expiresIn?: number;
}

/** What a client's own token should be like. */
export interface ClientTokenRequest {
  /** The scopes of the token. */
  readonly scopes: readonly string[];
  /** What the token is for: its `aud`. Default: none. */
  readonly resource?: string;
  /** The client that asks for itself, one with a secret. Default: `robot`. */
  readonly client?: string;
}

/** A person's tokens. */
export interface Tokens {
  /** The access token. */
  readonly accessToken: string;
  /** Where `offline_access` is among the scopes. */
  readonly refreshToken?: string;
  /** Where `openid` is among the scopes. */
  readonly idToken?: string;
}
