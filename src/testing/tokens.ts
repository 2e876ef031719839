import type { TestAuthorizationServerOptions } from './authorization-server-options.ts';
import { resourceServerInfo } from './authorization-server-scopes.ts';
import type { Provider } from './quiet-provider.ts';
import type { TokenRequest, Tokens } from './token-request.ts';

/** The further claims of tokens that are being made. The provider asks for them when it saves a token. */
export const claimsOfToken = new WeakMap<object, Readonly<Record<string, unknown>>>();

/**
 * Makes tokens through the provider's own models. Unlike those of a login they do not end with the person's session,
 * and the ID token has no nonce.
 */
export async function mintTokens(
  provider: Provider,
  subject: string,
  { scopes, resource, client: clientId = 'spa', claims, dpopJkt, expiresIn }: TokenRequest,
  options: TestAuthorizationServerOptions,
): Promise<Tokens> {
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error(`The test authorization server has no client ${clientId}`);
  if (options.users !== undefined && !Object.hasOwn(options.users, subject)) {
    throw new Error(`The test authorization server has no user ${subject}`);
  }

  const grant = new provider.Grant({ accountId: subject, clientId });
  grant.addOIDCScope([...scopes]);
  if (resource) grant.addResourceScope(resource, [...scopes]);

  const common = {
    client,
    accountId: subject,
    grantId: await grant.save(),
    gty: 'authorization_code',
    scope: scopes.join(' '),
    jkt: dpopJkt,
    expiresIn,
  };
  const accessToken = new provider.AccessToken({
    ...common,
    aud: resource,
    ...(resource !== undefined && {
      resourceServer: new provider.ResourceServer(resource, resourceServerInfo(resource, options)),
    }),
  });
  // The provider would let it win, in introspection answers alone.
  if (claims !== undefined) claimsOfToken.set(accessToken, { ...claims, sub: subject });
  return {
    accessToken: await accessToken.save(),
    ...(scopes.includes('offline_access') && {
      refreshToken: await new provider.RefreshToken({ ...common, resource }).save(),
    }),
    ...(scopes.includes('openid') && {
      idToken: await new provider.IdToken({ sub: subject }, { client }).issue({ use: 'idtoken' }),
    }),
  };
}
