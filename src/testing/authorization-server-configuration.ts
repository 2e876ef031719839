import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { TestAuthorizationServerOptions } from './authorization-server-options.ts';
import { resourceServerInfo, scopesOf } from './authorization-server-scopes.ts';
import type { AdapterFactory, Configuration, JWKS } from './quiet-provider.ts';
import { claimsOfToken } from './tokens.ts';

export async function newSigningKeys(): Promise<JWKS> {
  return { keys: await Promise.all(['ES256', 'RS256'].map(newSigningKey)) };
}

async function newSigningKey(alg: string) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = `${alg}-${randomBytes(4).toString('hex')}`;
  return { ...(await exportJWK(privateKey)), alg, kid, use: 'sig' };
}

export function createConfiguration(
  adapter: AdapterFactory,
  jwks: JWKS,
  options: TestAuthorizationServerOptions,
): Configuration {
  const { clients = {} } = options;
  const mayIntrospect = (clientId: string): boolean =>
    clientId.startsWith('api-') ||
    (Object.hasOwn(clients, clientId) && clients[clientId]?.authentication !== 'none');
  return {
    adapter,
    jwks,
    scopes: scopesOf(options),
    claims: claimsByScope(options),
    findAccount: (_ctx, sub) => findAccount(sub, options),
    extraTokenClaims: (_ctx, token) => claimsOfToken.get(token),
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
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => mayIntrospect(client.clientId) },
      jwtIntrospection: { enabled: true },
      jwtUserinfo: { enabled: true },
      // The login client revokes whatever a test wants to see revoked.
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => resourceServerInfo(resource, options),
      },
      backchannelLogout: { enabled: options.backchannelLogoutUri !== undefined },
      rpInitiatedLogout: { enabled: options.backchannelLogoutUri !== undefined },
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
    // Reads `jwks_uri`, and sends logout tokens. What else the provider wants to pass on refuses loopback addresses, where the
    // tests' APIs are.
    fetch: (url, { method = 'GET', headers, body } = {}) =>
      fetch(url, {
        method,
        ...(headers && { headers }),
        ...(body && { body }),
        signal: AbortSignal.timeout(2500),
      }),
  };
}

const EMAIL = ['email', 'email_verified'];
const PROFILE = ['name'];

/** Every claim of the users that no other scope gives is given for `openid`. */
function claimsByScope({ users = {} }: TestAuthorizationServerOptions): Record<string, string[]> {
  const others = Object.values(users)
    .flatMap((claims) => Object.keys(claims))
    .filter((name) => ![...EMAIL, ...PROFILE].includes(name));
  return { openid: ['sub', ...new Set(others)], email: EMAIL, profile: PROFILE };
}

function findAccount(sub: string, { users }: TestAuthorizationServerOptions) {
  if (users !== undefined && !Object.hasOwn(users, sub)) return undefined;
  const known = users?.[sub] ?? {
    email: `${sub}@example.org`,
    email_verified: true,
    name: `Name of ${sub}`,
  };
  return { accountId: sub, claims: () => ({ ...known, sub }) };
}
