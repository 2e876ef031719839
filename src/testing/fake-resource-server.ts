import { Authenticator } from '../authentication/authenticator.ts';
import { createChallenge } from '../authentication/challenge.ts';
import { Exchange } from '../authorization-server/exchange.ts';
import { AuthorizationServerMetadata } from '../authorization-server/metadata.ts';
import { SigningKeys } from '../authorization-server/signing-keys.ts';
import type { Claims } from '../claims.ts';
import { jwksEndpoint } from '../endpoint/jwks.ts';
import { UnavailableError } from '../errors.ts';
import type { HttpAdapter } from '../http/http-adapter.ts';
import { PrivateKeys } from '../key/private-keys.ts';
import { loadSettings, type SettingsInput } from '../settings.ts';
import type {
  Authentication,
  AuthenticationFor,
  Logger,
  Requirements,
  ResourceRequest,
  ResourceServer,
} from '../types.ts';
import type { UserStore } from '../user/user-store.ts';
import { FakeBackend } from './fake-backend.ts';
import type { FakeToken } from './fake-tokens.ts';

/** What `fakeResourceServer` takes beside its tokens; every member has a default. */
export interface FakeResourceServerOptions<U> {
  /** Named in every challenge. Default: `OIDC_RS_REALM` of `settings`, or `api`. */
  readonly realm?: string;
  /** The settings that the API has. Nothing is read from the environment. Default: the issuer `https://auth.example.com` alone. */
  readonly settings?: SettingsInput;
  /** Whether a user may come in, as `isActive` of the user store says. Default: everybody may. */
  readonly isActive?: (user: U) => boolean;
  /** Where events go: why a request was refused is there. Default: nowhere. */
  readonly logger?: Logger;
}

const AUTHORIZATION_SERVER = 'https://auth.example.com';
const silent: Logger = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
});
const noNetwork: HttpAdapter = {
  request: () => Promise.reject(new Error('A fake resource server asks nobody.')),
};

/**
 * Makes a resource server that knows the tokens of a table, at once and without any network: for the tests of an API.
 *
 * The guard, the checks of scopes, audience, times and key-bound tokens, and the answers to refused requests are the
 * real ones; only what the authorization server would say, and who the user is, comes from the table. A token that is
 * not in it is not active. It does not test your settings, your backend or your user store: start a
 * `startTestAuthorizationServer` for these.
 *
 * @example
 * {@includeCode ../../examples/testing/vitest/api.test.ts}
 *
 * @param tokens What each token means. It is read once: later changes of the table change nothing.
 * @typeParam U The user that routes get; follows from the table.
 * @throws ConfigurationError when the settings cannot work
 *
 * @category Use
 */
export function fakeResourceServer<U = never>(
  tokens: Readonly<Record<string, FakeToken<U>>>,
  options: FakeResourceServerOptions<U> = {},
): ResourceServer<U> {
  const { realm, logger = silent, isActive } = options;
  const settings = loadSettings({
    env: {},
    settings: {
      OIDC_OP_URL: AUTHORIZATION_SERVER,
      ...options.settings,
      ...(realm !== undefined && { OIDC_RS_REALM: realm }),
    },
  });
  const userStore: UserStore<U> = {
    findBySubject: () => Promise.resolve(undefined),
    ...(isActive && { isActive }),
  };
  const exchange = new Exchange({ http: noNetwork, logger, timeoutMs: 1 });
  const privateKeys = PrivateKeys.read({
    pem: undefined,
    keyType: settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
    algorithm: settings.OIDC_RS_ENCRYPTION_ALGO,
    encoding: settings.OIDC_RS_ENCRYPTION_ENCODING,
  }).keys;
  const metadata = new AuthorizationServerMetadata({ settings, exchange, logger });
  const signingKeys = new SigningKeys({ exchange, url: () => AUTHORIZATION_SERVER, logger });
  const dependencies = { settings, http: noNetwork, metadata, signingKeys, privateKeys, userStore, logger };
  const backend = new FakeBackend<U>(dependencies, tokens);
  const authenticator = new Authenticator<U, Claims>({
    settings,
    backend,
    constraints: [],
    userStore,
    logger,
  });

  const enabled = settings.OIDC_RESOURCE_SERVER_ENABLED;
  let closed = false;
  const authenticate = async (
    request: ResourceRequest,
    requirements?: Requirements,
  ): Promise<Authentication<U> | undefined> => {
    if (!enabled) throw new UnavailableError('ERR_DISABLED');
    if (closed) throw new UnavailableError('ERR_CLOSED');
    return authenticator.authenticate(request, requirements);
  };
  return Object.freeze<ResourceServer<U>>({
    // The authenticator gives what the requirements ask for; only their type is not known to it.
    authenticate: <const R extends Requirements>(request: ResourceRequest, requirements?: R) =>
      authenticate(request, requirements) as Promise<AuthenticationFor<U, Claims, R>>,
    // Nothing is kept here that would have to be forgotten.
    revoke: () => Promise.resolve(),
    challenge: createChallenge({ realm: settings.OIDC_RS_REALM, logger }),
    endpoints: Object.freeze(enabled ? [jwksEndpoint(privateKeys.publicJwkSet)] : []),
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  });
}
