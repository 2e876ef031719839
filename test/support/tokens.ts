import type Provider from 'oidc-provider';

export interface TokenRequest {
  readonly scopes: readonly string[];
  /** What the token is for: its `aud`. Default: none. */
  readonly resource?: string;
  /** The client that the person logged in at. Default: `spa`. */
  readonly client?: string;
  /** Binds the token to the key of this thumbprint (RFC 9449): `cnf.jkt`. */
  readonly dpopJkt?: string;
  /** Seconds; a negative number makes tokens that have expired. */
  readonly expiresIn?: number;
}

export interface Tokens {
  readonly accessToken: string;
  /** Where `offline_access` is among the scopes. */
  readonly refreshToken?: string;
  /** Where `openid` is among the scopes. */
  readonly idToken?: string;
}

/**
 * Makes tokens through the provider's own models. Unlike those of a login they do not end with the person's session,
 * and the ID token has no nonce.
 */
export async function mintTokens(
  provider: Provider,
  subject: string,
  { scopes, resource, client: clientId = 'spa', dpopJkt, expiresIn }: TokenRequest,
): Promise<Tokens> {
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error(`The test authorization server has no client ${clientId}`);

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
  const accessToken = await new provider.AccessToken({ ...common, aud: resource }).save();
  return {
    accessToken,
    ...(scopes.includes('offline_access') && {
      refreshToken: await new provider.RefreshToken({ ...common, resource }).save(),
    }),
    ...(scopes.includes('openid') && {
      idToken: await new provider.IdToken({ sub: subject }, { client }).issue({ use: 'idtoken' }),
    }),
  };
}
