import {
  AuthorizationServerError,
  type Awaitable,
  type Claims,
  type ClaimsUser,
  createResourceServer,
  InvalidTokenError,
  type AccessToken,
  type Logger,
  ResourceServerBackend,
  type ResourceServer,
  type SettingsInput,
} from 'oidc-resource-server';

export const ISSUER = 'https://auth.example.com';

const alice = {
  active: true,
  iss: ISSUER,
  sub: 'alice',
  client_id: 'spa',
  token_type: 'Bearer',
  scope: 'openid groups',
};

/** What the tokens of the framework contract mean. The guard is the real one; only the authorization server is not asked. */
const TOKENS: Readonly<Record<string, () => Claims>> = {
  'alice-token': () => alice,
  'bob-token': () => ({ ...alice, sub: 'bob' }),
  'no-scope-token': () => ({ ...alice, scope: 'openid' }),
  'robot-token': () => ({ ...alice, sub: 'robot', client_id: 'robot' }),
  'bound-token': () => ({ ...alice, cnf: { jkt: 'thumbprint' } }),
  'down-token': () => {
    throw new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'down', 7);
  },
  'bug-token': () => {
    throw new Error('a bug whose message holds s3cr3t');
  },
};

/** Answers without a promise, as a cache does. */
class TokenTableAtOnceBackend extends ResourceServerBackend<ClaimsUser> {
  override getClaims(token: AccessToken): Awaitable<Claims> {
    const claims = TOKENS[token.reveal()];
    if (claims === undefined) throw new InvalidTokenError('inactive', 'not in the table');
    return claims();
  }
}

class TokenTableBackend extends TokenTableAtOnceBackend {
  override async getClaims(token: AccessToken): Promise<Claims> {
    return super.getClaims(token);
  }
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A resource server that knows the tokens of the table. */
export function tokenTableResourceServer(
  settings: SettingsInput = {},
  backend: typeof TokenTableAtOnceBackend = TokenTableBackend,
): Promise<ResourceServer<ClaimsUser>> {
  return createResourceServer({
    backend,
    env: {},
    settings: { OIDC_OP_URL: ISSUER, OIDC_RS_ALLOWED_AUDIENCES: ['spa', 'robot'], ...settings },
    logger: silent,
  });
}

/** The same, which lets in and refuses without a promise. */
export function tokenTableAtOnce(settings: SettingsInput = {}): Promise<ResourceServer<ClaimsUser>> {
  return tokenTableResourceServer(settings, TokenTableAtOnceBackend);
}
