import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { JSONWebKeySet } from 'jose';
import type {
  AdapterFactory,
  ClientMetadata,
  Configuration,
  EncryptionAlgValues,
  EncryptionEncValues,
  JWKS,
} from 'oidc-provider';

/** How the API `api-jwt` gets its introspection answers (RFC 9701). Without a key they are signed only. */
export interface IntrospectionResponseOptions {
  /** Default: `ES256`. */
  readonly signingAlg?: 'ES256' | 'RS256';
  /** The API's public encryption keys, given at registration. */
  readonly encryptionJwks?: JSONWebKeySet;
  /** Where the API publishes them instead. Read at the first answer, and kept for a minute or its max-age. */
  readonly encryptionJwksUri?: string;
  /** Default: `RSA-OAEP`. */
  readonly encryptionAlg?: EncryptionAlgValues;
  /** Default: `A256GCM`. */
  readonly encryptionEnc?: EncryptionEncValues;
  /** Signs what userinfo says about people who logged in at `spa`. Default: plain JSON. */
  readonly userinfoSigningAlg?: 'ES256' | 'RS256';
  /** Encrypts it as well, to these keys. */
  readonly userinfoEncryptionJwks?: JSONWebKeySet;
}

const secret = (clientId: string): string => `${clientId}-secret-${randomBytes(16).toString('hex')}`;

export type Secrets = ReturnType<typeof newSecrets>;

export function newSecrets() {
  return {
    robot: secret('robot'),
    // With characters that only survive Basic where both halves are form-urlencoded first (RFC 6749 section 2.3.1).
    'api-json': `${secret('api-json')}+/:%25`,
    'api-json-post': secret('api-json-post'),
    'api-jwt': secret('api-jwt'),
  };
}

export async function newSigningKeys(): Promise<JWKS> {
  return { keys: await Promise.all(['ES256', 'RS256'].map(newSigningKey)) };
}

async function newSigningKey(alg: string) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = `${alg}-${randomBytes(4).toString('hex')}`;
  return { ...(await exportJWK(privateKey)), alg, kid, use: 'sig' };
}

export const scopes = ['openid', 'email', 'profile', 'groups', 'offline_access'];

export function createConfiguration(
  adapter: AdapterFactory,
  jwks: JWKS,
  secrets: Secrets,
  introspectionResponse: IntrospectionResponseOptions,
): Configuration {
  return {
    adapter,
    jwks,
    clients: createClients(secrets, introspectionResponse),
    scopes,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // Whoever asks to log in has an account.
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: `${sub}@example.org`, email_verified: true, name: `Name of ${sub}` }),
    }),
    pkce: { required: () => true },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    clientBasedCORS: () => false,
    enabledJWA: {
      introspectionEncryptionAlgValues: [
        ...(['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'] as const),
        ...(['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'] as const),
      ],
      introspectionEncryptionEncValues: [
        ...(['A128GCM', 'A192GCM', 'A256GCM'] as const),
        ...(['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'] as const),
      ],
    },
    features: {
      devInteractions: { enabled: true },
      dPoP: { enabled: true },
      userinfo: { enabled: true },
      encryption: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId.startsWith('api-') },
      jwtIntrospection: { enabled: true },
      jwtUserinfo: { enabled: true },
      // The login client revokes whatever a test wants to see revoked.
      revocation: { enabled: true, allowedPolicy: () => true },
      // Every URI is a resource; its tokens are opaque and have it in `aud`.
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          audience: resource,
          scope: scopes.join(' '),
          accessTokenFormat: 'opaque',
        }),
      },
      rpInitiatedLogout: { enabled: false },
    },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      ClientCredentials: 600,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
    // The page a person sees when something is wrong with the login.
    renderError: (ctx, out) => {
      ctx.type = 'text';
      ctx.body = `${out.error}: ${out.error_description ?? ''}`;
    },
    // Reads `jwks_uri`. What the provider wants to pass on refuses loopback addresses, where the tests' APIs are.
    fetch: (url) => fetch(url, { signal: AbortSignal.timeout(2500) }),
  };
}

function createClients(secrets: Secrets, response: IntrospectionResponseOptions): ClientMetadata[] {
  const { encryptionJwks, encryptionJwksUri } = response;
  const api = { grant_types: [], response_types: [], redirect_uris: [] };
  return [
    {
      client_id: 'spa',
      // A native client may come back to any port of the loopback address (RFC 8252 section 7.3).
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1/callback'],
      ...(response.userinfoSigningAlg && { userinfo_signed_response_alg: response.userinfoSigningAlg }),
      ...(response.userinfoEncryptionJwks && {
        userinfo_encrypted_response_alg: 'RSA-OAEP',
        userinfo_encrypted_response_enc: 'A256GCM',
        jwks: response.userinfoEncryptionJwks,
      }),
    },
    { ...api, client_id: 'robot', client_secret: secrets.robot, grant_types: ['client_credentials'] },
    { ...api, client_id: 'api-json', client_secret: secrets['api-json'] },
    {
      ...api,
      client_id: 'api-json-post',
      client_secret: secrets['api-json-post'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...api,
      client_id: 'api-jwt',
      client_secret: secrets['api-jwt'],
      introspection_signed_response_alg: response.signingAlg ?? 'ES256',
      ...((encryptionJwks ?? encryptionJwksUri) && {
        introspection_encrypted_response_alg: response.encryptionAlg ?? 'RSA-OAEP',
        introspection_encrypted_response_enc: response.encryptionEnc ?? 'A256GCM',
      }),
      ...(encryptionJwks && { jwks: encryptionJwks }),
      ...(encryptionJwksUri && { jwks_uri: encryptionJwksUri }),
    },
  ];
}
