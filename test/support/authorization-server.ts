import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Provider from 'oidc-provider';
import { createConfiguration, newSecrets, newSigningKeys } from './authorization-server-configuration.ts';
import type { IntrospectionResponseOptions, Secrets } from './authorization-server-configuration.ts';
import { createStore } from './authorization-server-store.ts';
import { createProvider, loadProvider } from './quiet-provider.ts';
import { mintTokens } from './tokens.ts';
import type { TokenRequest, Tokens } from './tokens.ts';

export type AuthorizationServerOptions = IntrospectionResponseOptions;
export type { TokenRequest, Tokens };

export interface Endpoints {
  readonly authorization: string;
  readonly token: string;
  readonly introspection: string;
  readonly revocation: string;
  readonly userinfo: string;
  readonly jwks: string;
}

/**
 * A real authorization server (oidc-provider) on a free port of the loopback address, with its own login pages.
 * Its clients: `spa`, where persons log in; `robot`, which acts for itself; and the APIs `api-json` (Basic),
 * `api-json-post` (secret in the body) and `api-jwt` (signed, and encrypted where it has a key).
 */
export interface TestAuthorizationServer {
  /** The issuer. */
  readonly url: string;
  readonly endpoints: Endpoints;
  /** How many introspection requests have come in so far. */
  readonly introspections: number;
  /** Issues a person's tokens at once, without the login pages: `logIn` of `person.ts` goes through these. */
  tokenFor(subject: string, request: TokenRequest): Promise<Tokens>;
  /** Asks for a token of the client `robot` (client credentials). */
  clientToken(request: Pick<TokenRequest, 'scopes' | 'resource'>): Promise<string>;
  /** Revokes a token (RFC 7009), and with a person's token all others of the same grant. */
  revoke(token: string): Promise<void>;
  /** The settings of an API that uses this server. */
  settingsFor(api: 'json' | 'json-post' | 'jwt', overrides?: Record<string, string>): Record<string, string>;
  /** Signs with new keys from now on, and publishes only these. Tokens stay as they are. */
  rotateKeys(): Promise<void>;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
  /** Comes back on the same port, with all its tokens. */
  restart(): Promise<void>;
}

export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<TestAuthorizationServer> {
  const server = createServer();
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };

  // The issuer has the port in it, so the port comes first.
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const store = createStore();
  const secrets = newSecrets();
  const buildProvider = async (): Promise<Provider> => {
    // At the same time: the keys are made in other threads.
    const [ProviderClass, jwks] = await Promise.all([loadProvider(), newSigningKeys()]);
    const built = createProvider(ProviderClass, url, createConfiguration(store, jwks, secrets, options));
    return refuseBasicOf('api-json-post', built);
  };
  let provider = await buildProvider().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  let answer = provider.callback();
  let introspections = 0;
  const endpoints: Endpoints = {
    authorization: provider.urlFor('authorization'),
    token: provider.urlFor('token'),
    introspection: provider.urlFor('introspection'),
    revocation: provider.urlFor('revocation'),
    userinfo: provider.urlFor('userinfo'),
    jwks: provider.urlFor('jwks'),
  };

  server.on('request', (request, response) => {
    if (request.method === 'POST' && url + (request.url ?? '') === endpoints.introspection)
      introspections += 1;
    void answer(request, response);
  });

  return {
    url,
    endpoints,
    get introspections() {
      return introspections;
    },
    tokenFor: (subject, request) => mintTokens(provider, subject, request),
    clientToken: async ({ scopes, resource }) => {
      const response = await post(endpoints.token, {
        grant_type: 'client_credentials',
        client_id: 'robot',
        client_secret: secrets.robot,
        scope: scopes.join(' '),
        ...(resource && { resource }),
      });
      return ((await response.json()) as { access_token: string }).access_token;
    },
    revoke: async (token) => {
      await post(endpoints.revocation, { token, client_id: 'spa' });
    },
    settingsFor: (api, overrides = {}) => ({
      OIDC_OP_URL: url,
      OIDC_OP_INTROSPECTION_ENDPOINT: endpoints.introspection,
      OIDC_OP_JWKS_ENDPOINT: endpoints.jwks,
      OIDC_RS_CLIENT_ID: `api-${api}`,
      OIDC_RS_CLIENT_SECRET: secrets[`api-${api}`],
      ...overrides,
    }),
    rotateKeys: async () => {
      provider = await buildProvider();
      answer = provider.callback();
    },
    stop,
    restart: async () => {
      await stop();
      await listen(port);
    },
  };
}

/**
 * oidc-provider takes a client's secret by Basic and in the body alike, whichever of the two is registered. Servers
 * that take only the body's are met in the wild, so for one client this one is such a server.
 */
function refuseBasicOf(clientId: keyof Secrets, provider: Provider): Provider {
  provider.use(async (ctx, next) => {
    const [scheme = '', credentials = ''] = ctx.get('authorization').split(' ');
    const basic = scheme.toLowerCase() === 'basic' && Buffer.from(credentials, 'base64').toString();
    if (!basic || !basic.startsWith(`${clientId}:`)) {
      await next();
      return;
    }
    ctx.status = 401;
    ctx.body = { error: 'invalid_client', error_description: 'client authentication failed' };
  });
  return provider;
}

async function post(url: string, form: Record<string, string>): Promise<Response> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  if (response.ok) return response;
  throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}
