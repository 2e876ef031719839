/** A client that a test authorization server knows besides its own. Its name is its `client_id`. */
export type TestClient =
  | {
      /** Its secret. It may introspect tokens, and ask for tokens of its own (client credentials). */
      readonly secret: string;
      /** How it authenticates; with `client_secret_post`, Basic is refused. Default: `client_secret_basic`. */
      readonly authentication?: 'client_secret_basic' | 'client_secret_post';
    }
  | {
      /** A public client, where people log in: it comes back to any port of `http://127.0.0.1/callback`. */
      readonly authentication: 'none';
    };

/** The key management algorithms that introspection answers can be encrypted by (RFC 7518 section 4). */
export type KeyManagementAlg =
  | 'RSA-OAEP'
  | 'RSA-OAEP-256'
  | 'RSA-OAEP-384'
  | 'RSA-OAEP-512'
  | 'ECDH-ES'
  | 'ECDH-ES+A128KW'
  | 'ECDH-ES+A192KW'
  | 'ECDH-ES+A256KW';

/** The algorithms that their content can be encrypted by (RFC 7518 section 5). */
export type ContentEncryptionAlg =
  'A128GCM' | 'A192GCM' | 'A256GCM' | 'A128CBC-HS256' | 'A192CBC-HS384' | 'A256CBC-HS512';

/** A set of public keys. */
export interface TestJwkSet {
  readonly keys: readonly object[];
}

/** What `startTestAuthorizationServer` takes; every member has a default. */
export interface TestAuthorizationServerOptions {
  /**
   * The people who have an account, by `sub`, and what the user endpoint says about them. It gives `email` and
   * `email_verified` for the scope `email`, `name` for `profile`, and every other claim for `openid`.
   * Default: whoever asks is a person, with a verified e-mail address and a name.
   */
  readonly users?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** More clients, by `client_id`. A name of the server's own clients cannot be taken. Default: none. */
  readonly clients?: Readonly<Record<string, TestClient>>;
  /** More scopes. Default: `openid`, `email`, `profile`, `groups` and `offline_access` alone. */
  readonly scopes?: readonly string[];
  /**
   * With `jwt`, access tokens that are asked for with a `resource` are JWTs (RFC 9068, RS256). The server does not
   * introspect or revoke them. Default: `opaque`.
   */
  readonly accessTokenFormat?: 'opaque' | 'jwt';
  /** Signs the introspection answers of `api-jwt`. Default: `ES256`. */
  readonly signingAlg?: 'ES256' | 'RS256';
  /**
   * The public keys of `api-jwt`, given at registration. Default: those of a fresh key, whose private half is in
   * `settingsFor('jwt')`; a private key of your own goes into the settings by your hand.
   */
  readonly encryptionJwks?: TestJwkSet;
  /** Where `api-jwt` publishes them instead. Read at the first answer, and kept for a minute or its max-age. */
  readonly encryptionJwksUri?: string;
  /** Default: `RSA-OAEP`. */
  readonly encryptionAlg?: KeyManagementAlg;
  /** Default: `A256GCM`. */
  readonly encryptionEnc?: ContentEncryptionAlg;
  /** Leaves the answers of `api-jwt` unencrypted, which this package refuses. Default: they are encrypted. */
  readonly signedOnly?: boolean;
  /**
   * Where the server says that a session of somebody who logged in at `spa` has ended (OpenID Connect Back-Channel
   * Logout). Its logout tokens are signed by `RS256`. Default: nobody is told.
   */
  readonly backchannelLogoutUri?: string;
  /** Signs what userinfo says about people who logged in at `spa`. Default: plain JSON. */
  readonly userinfoSigningAlg?: 'ES256' | 'RS256';
  /** Encrypts it as well, to these keys (RSA-OAEP, A256GCM). */
  readonly userinfoEncryptionJwks?: TestJwkSet;
}
