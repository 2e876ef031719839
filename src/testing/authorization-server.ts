import { newApiKeys } from './api-keys.ts';
import { createClients, newSecrets } from './authorization-server-clients.ts';
import { createConfiguration, newSigningKeys } from './authorization-server-configuration.ts';
import type { TestAuthorizationServerOptions } from './authorization-server-options.ts';
import { createStore } from './authorization-server-store.ts';
import type { TestAuthorizationServer, TestEndpoints } from './authorization-server-surface.ts';
import { post, refuseBasic, secretsOf } from './client-authentication.ts';
import { createProvider, loadProvider, type Provider } from './quiet-provider.ts';
import { startServer } from './restartable-server.ts';
import { mintTokens } from './tokens.ts';

/**
 * Starts a real authorization server for the tests of an API: oidc-provider, on a free port of 127.0.0.1.
 *
 * Use it where a test should go the whole way, from the settings to the introspection; most tests of an API need only
 * `fakeResourceServer`. Stop it after the tests. It is made for one test run: it keeps everything in memory and lets
 * anybody log in, so never let it serve anything else.
 *
 * @example An API against a real authorization server
 * {@includeCode ../../examples/testing/node-test/integration.test.ts}
 *
 * @throws Error when the package oidc-provider is not installed
 *
 * @category Use
 */
export async function startTestAuthorizationServer(
  options: TestAuthorizationServerOptions = {},
): Promise<TestAuthorizationServer> {
  // The issuer has the port in it, so the port comes first.
  const { server, url, stop, restart } = await startServer();
  const store = createStore();
  const secrets = newSecrets();
  const secretOf = secretsOf(secrets, options);
  const { encryptionJwks, encryptionJwksUri, signedOnly = false, signingAlg } = options;
  const ownKeys = signedOnly || encryptionJwks !== undefined || encryptionJwksUri !== undefined;
  const makingKeys = ownKeys ? undefined : newApiKeys(options);
  const buildProvider = async (): Promise<Provider> => {
    // At the same time: the keys are made in other threads.
    const [ProviderClass, jwks, keys] = await Promise.all([loadProvider(), newSigningKeys(), makingKeys]);
    // Not in the configuration: the provider would make copies that are no plain objects to it inside Jest, where
    // `structuredClone` is of another realm than the test.
    for (const client of createClients(secrets, options, keys?.jwks ?? encryptionJwks)) {
      await store('Client').upsert(client.client_id, client, 0);
    }
    const configuration = createConfiguration(store, jwks, options);
    return refuseBasic(createProvider(ProviderClass, url, configuration), options);
  };
  let provider = await buildProvider().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  let answer = provider.callback();
  let introspections = 0;
  const endpoints: TestEndpoints = {
    authorization: provider.urlFor('authorization'),
    token: provider.urlFor('token'),
    introspection: provider.urlFor('introspection'),
    revocation: provider.urlFor('revocation'),
    userinfo: provider.urlFor('userinfo'),
    jwks: provider.urlFor('jwks'),
  };
  const jwtSettings = {
    OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
    ...(signingAlg && { OIDC_RS_SIGNING_ALGO: signingAlg }),
    ...(await makingKeys)?.settings,
  };

  server.on('request', (request, response) => {
    if (request.method === 'POST' && url + (request.url ?? '') === endpoints.introspection)
      introspections += 1;
    void answer(request, response);
  });

  const tokensFor: TestAuthorizationServer['tokensFor'] = (subject, request) =>
    mintTokens(provider, subject, request, options);
  return {
    url,
    endpoints,
    get introspections() {
      return introspections;
    },
    tokensFor,
    tokenFor: async (subject, request) => (await tokensFor(subject, request)).accessToken,
    clientToken: async ({ scopes, resource, client = 'robot' }) => {
      const secret = secretOf.get(client);
      if (secret === undefined)
        throw new Error(`The test authorization server has no client ${client} with a secret`);
      const response = await post(endpoints.token, {
        grant_type: 'client_credentials',
        client_id: client,
        client_secret: secret,
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
      ...(api === 'jwt' && jwtSettings),
      ...overrides,
    }),
    rotateKeys: async () => {
      provider = await buildProvider();
      answer = provider.callback();
    },
    stop,
    restart,
    [Symbol.asyncDispose]: stop,
  };
}
