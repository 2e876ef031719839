import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { Configuration } from 'oidc-provider';
import { createStore } from '../../src/testing/authorization-server-store.ts';
import { createProvider, loadProvider } from '../../src/testing/quiet-provider.ts';

const AUDIENCE = 'https://api.example.com';
const SCOPE = 'openid groups offline_access';

export interface JwtTokenRequest {
  /** Default: a JWT. */
  readonly format?: 'jwt' | 'opaque';
  /** Default: `groups`. */
  readonly scope?: string;
  /** Whom the token is for. Default: the API. */
  readonly audience?: string;
  /** Binds the token to the key of this thumbprint (RFC 9449). */
  readonly jkt?: string;
  /** Seconds; a negative number makes tokens that have expired. */
  readonly expiresIn?: number;
}

/** A real authorization server (oidc-provider) that issues JWTs and opaque tokens, with the paths of Keycloak. */
export interface JwtAuthorizationServer {
  readonly issuer: string;
  /** The settings of an API that introspects. */
  readonly settings: Readonly<Record<string, string>>;
  /** A person's token, and a refresh token of the same grant. */
  tokenFor(
    subject: string,
    request?: JwtTokenRequest,
  ): Promise<{ accessToken: string; refreshToken: string }>;
  /** A token of the client `robot`, which acts for itself. */
  clientToken(format: 'jwt' | 'opaque'): Promise<string>;
  /** Revokes a refresh token, and with it all that was issued by the same grant (RFC 7009 section 2.1). */
  revoke(refreshToken: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts it.
 *
 * @param realm The path of the issuer.
 * @param claimsOf More claims of a person's tokens, whatever their format.
 */
export async function startJwtAuthorizationServer(
  realm = '',
  claimsOf: (subject: string) => Record<string, unknown> = () => ({}),
): Promise<JwtAuthorizationServer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = origin + realm;
  const secret = randomBytes(16).toString('hex');
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' };

  const ProviderClass = await loadProvider();
  const provider = createProvider(ProviderClass, issuer, configuration(jwk, secret, claimsOf));
  const answer = provider.callback();
  server.on('request', (request, response) => {
    // As where an application mounts it: the provider sees the path below, and both make the URL.
    const { url = '' } = request;
    Object.assign(request, { originalUrl: url, url: url.slice(realm.length) });
    void answer(request, response);
  });

  const resourceServer = (format: 'jwt' | 'opaque', audience = AUDIENCE) =>
    new provider.ResourceServer(audience, {
      scope: SCOPE,
      accessTokenFormat: format,
      jwt: { sign: { alg: 'RS256' } },
    });
  const clientNamed = async (id: string) => {
    const client = await provider.Client.find(id);
    if (client === undefined) throw new Error(`There is no client ${id}`);
    return client;
  };

  return {
    issuer,
    settings: {
      OIDC_OP_URL: issuer,
      OIDC_OP_INTROSPECTION_ENDPOINT: `${issuer}/protocol/openid-connect/token/introspect`,
      OIDC_RS_CLIENT_ID: 'my-api',
      OIDC_RS_CLIENT_SECRET: secret,
    },
    tokenFor: async (subject, { format = 'jwt', scope = 'groups', audience, jkt, expiresIn } = {}) => {
      const client = await clientNamed('spa');
      const grant = new provider.Grant({ accountId: subject, clientId: 'spa' });
      grant.addOIDCScope(SCOPE);
      grant.addResourceScope(audience ?? AUDIENCE, SCOPE);
      const grantId = await grant.save();
      const common = { client, accountId: subject, grantId, gty: 'authorization_code', scope, expiresIn };
      const token = new provider.AccessToken({
        ...common,
        jkt,
        resourceServer: resourceServer(format, audience),
      });
      const refreshToken = await new provider.RefreshToken({ ...common, resource: AUDIENCE }).save();
      return { accessToken: await token.save(), refreshToken };
    },
    clientToken: async (format) => {
      const client = await clientNamed('robot');
      const common = { client, scope: 'groups', resourceServer: resourceServer(format) };
      return new provider.ClientCredentials(common).save();
    },
    revoke: async (refreshToken) => {
      const body = new URLSearchParams({ token: refreshToken, client_id: 'spa' });
      const response = await fetch(`${issuer}/protocol/openid-connect/revoke`, { method: 'POST', body });
      if (!response.ok) throw new Error(`The revocation endpoint answered ${response.status}`);
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function configuration(
  jwk: NonNullable<Configuration['jwks']>['keys'][number],
  secret: string,
  claimsOf: (subject: string) => Record<string, unknown>,
): Configuration {
  return {
    adapter: createStore(),
    jwks: { keys: [jwk] },
    clients: [
      {
        client_id: 'spa',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: ['https://app.example.com/callback'],
      },
      {
        client_id: 'robot',
        client_secret: randomBytes(16).toString('hex'),
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
      {
        client_id: 'my-api',
        client_secret: secret,
        grant_types: [],
        response_types: [],
        redirect_uris: [],
      },
    ],
    scopes: SCOPE.split(' '),
    cookies: { keys: [secret] },
    clientBasedCORS: () => false,
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    extraTokenClaims: (_ctx, token) =>
      'accountId' in token && typeof token.accountId === 'string' ? claimsOf(token.accountId) : {},
    routes: {
      jwks: '/protocol/openid-connect/certs',
      introspection: '/protocol/openid-connect/token/introspect',
      revocation: '/protocol/openid-connect/revoke',
    },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === 'my-api' },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: { enabled: true },
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
  };
}
