import { Authenticator } from './authentication/authenticator.ts';
import { createChallenge } from './authentication/challenge.ts';
import { Exchange } from './authorization-server/exchange.ts';
import { AuthorizationServerMetadata } from './authorization-server/metadata.ts';
import { SigningKeys } from './authorization-server/signing-keys.ts';
import type { BackendDependencies, ResourceServerBackend } from './backend/resource-server-backend.ts';
import { findBackend } from './backend-module.ts';
import type { ClaimsCache } from './cache/claims-cache.ts';
import type { Claims } from './claims.ts';
import {
  type AnyBackendProvider,
  type BackendClass,
  type BackendProvider,
  buildBackend,
  container as globalContainer,
  type DependencyContainer,
  isProvider,
  nameOfBackendClass,
  requiredSettings,
} from './container.ts';
import { configuredCache } from './configured-cache.ts';
import { backchannelLogoutEndpoint } from './endpoint/backchannel-logout.ts';
import { jwksEndpoint } from './endpoint/jwks.ts';
import { ConfigurationError } from './errors.ts';
import type { HttpAdapter } from './http/http-adapter.ts';
import { LateHttpAdapter } from './http/late-adapter.ts';
import { loadJose } from './key/jose.ts';
import { PrivateKeys } from './key/private-keys.ts';
import { stderrLogger } from './logger.ts';
import { missingSettings, type Settings, type SettingsInput, type SettingsReading } from './settings.ts';
import type { Answer, Endpoint, Logger } from './types.ts';
import { ClaimsUserStore } from './user/claims-user-store.ts';
import type { UserStore } from './user/user-store.ts';
import { userStoreProblems } from './user-store-problems.ts';

/** What `createResourceServer` takes; every member has a default. */
export interface ResourceServerOptions<U, C extends Claims = Claims> {
  /** Settings that win over the environment, by their names. */
  readonly settings?: SettingsInput;
  /** Where settings are read from. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The backend, where it is not chosen by `OIDC_RS_BACKEND_CLASS`. */
  readonly backend?: BackendProvider<U, C>;
  /** Where the application's users live. Default: `ClaimsUserStore`, which stores nothing. */
  readonly userStore?: UserStore<U>;
  /**
   * Where the claims of tokens are kept, where it is not chosen by `OIDC_RS_CACHE_URL`. It is used with
   * `OIDC_RS_CACHE_TTL` above 0 alone. Yours is not closed by `close()`.
   */
  readonly cache?: ClaimsCache;
  /** How requests travel to the authorization server. Default: `UndiciHttpAdapter`. Yours is not closed by `close()`. */
  readonly http?: HttpAdapter;
  /** Where events go. Default: warnings and alarms to stderr. */
  readonly logger?: Logger;
  /** The tsyringe container whose services a backend's factory may resolve. Default: the global one. */
  readonly container?: DependencyContainer;
}

/** The parts of a resource server, put together by its settings and options. */
export interface Composition<U, C extends Claims> {
  readonly backend: ResourceServerBackend<U, C>;
  /** The name that the backend is known by. */
  readonly backendName: string;
  /** What the backend was built from. */
  readonly dependencies: BackendDependencies<U>;
  readonly authenticator: Authenticator<U, C>;
  readonly endpoints: readonly Endpoint[];
  readonly challenge: (error: unknown) => Answer;
  /** Closes the connections to the authorization server, unless the application brought its own adapter. */
  readonly close: () => Promise<void>;
}

/**
 * Puts a resource server together. It asks nobody: neither the authorization server nor the user store.
 *
 * @param reading The settings, read and not yet refused.
 * @throws ConfigurationError listing every problem at once
 */
export async function compose<U, C extends Claims>(
  options: ResourceServerOptions<U, C>,
  reading: SettingsReading,
): Promise<Composition<U, C>> {
  const { logger = stderrLogger, userStore = new ClaimsUserStore() as UserStore<unknown> as UserStore<U> } =
    options;
  const { settings } = reading;
  const name = settings.OIDC_RS_BACKEND_CLASS;
  const found = options.backend === undefined ? await findBackend(name) : givenBackend(options.backend);
  const { keys: privateKeys, problems: keyProblems } = PrivateKeys.read({
    pem: settings.OIDC_RS_PRIVATE_KEY_STR,
    keyType: settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
    algorithm: settings.OIDC_RS_ENCRYPTION_ALGO,
    encoding: settings.OIDC_RS_ENCRYPTION_ENCODING,
  });
  const provider = 'provider' in found ? (found.provider as BackendProvider<U, C>) : undefined;
  refuseProblems([
    ...reading.problems,
    ...keyProblems,
    ...('problem' in found ? [found.problem] : []),
    ...missingSettings(reading, requiredSettings(provider), nameOf(provider, name)),
    ...userStoreProblems(settings, userStore),
  ]);
  for (const warning of reading.warnings) logger.warn({ event: 'settings.warning' }, warning);
  warnAboutAudience(settings, logger);
  warnAboutCache(settings, logger);

  const http = options.http ?? (await defaultAdapter(settings));
  if (settings.OIDC_RS_PRIVATE_KEY_STR !== undefined || settings.OIDC_RS_BACKCHANNEL_LOGOUT) await loadJose();
  const exchange = new Exchange({ http, logger, timeoutMs: settings.OIDC_TIMEOUT * 1000 });
  const metadata = new AuthorizationServerMetadata({ settings, exchange, logger });
  const signingKeys = new SigningKeys({
    exchange,
    url: () => metadata.endpoint('OIDC_OP_JWKS_ENDPOINT'),
    logger,
  });
  const claimsCache = options.cache ?? (await configuredCache(settings, logger));
  const dependencies: BackendDependencies<U> = {
    settings,
    http,
    metadata,
    signingKeys,
    privateKeys,
    userStore,
    claimsCache,
    logger,
  };
  const backend = buildBackend(
    options.container ?? globalContainer,
    name,
    provider as BackendProvider<U, C>,
    Object.freeze(dependencies),
  );
  const backendName = nameOfBackendClass(backend.constructor as BackendClass<U, C>);
  refuseProblems(missingSettings(reading, requiredSettings(backend.constructor), backendName));

  const authenticator = new Authenticator<U, C>({ settings, backend, constraints: [], userStore, logger });
  return {
    backend,
    backendName,
    dependencies,
    authenticator,
    endpoints: Object.freeze([
      jwksEndpoint(privateKeys.publicJwkSet),
      ...(settings.OIDC_RS_BACKCHANNEL_LOGOUT
        ? [
            backchannelLogoutEndpoint({
              settings,
              signingKeys,
              logger,
              revoke: (target) => backend.revoke(target),
            }),
          ]
        : []),
    ]),
    challenge: createChallenge({ realm: settings.OIDC_RS_REALM, logger }),
    close: async () => {
      if (options.cache === undefined) await claimsCache?.close?.();
      if (options.http === undefined) await http.close?.();
    },
  };
}

/** @throws ConfigurationError where there are problems */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigurationError(problems);
}

function givenBackend(backend: unknown): Awaited<ReturnType<typeof findBackend>> {
  if (isProvider(backend)) return { provider: backend };
  return {
    problem: 'The option "backend" is neither a class that extends ResourceServerBackend nor { useFactory }.',
  };
}

function nameOf(provider: AnyBackendProvider | undefined, name: string): string {
  return typeof provider === 'function' ? nameOfBackendClass(provider) : name;
}

/**
 * The adapter that is used where the application brings none. What is wrong with a certificate or a proxy is told at the
 * start, so that it is loaded there; without them nothing can be.
 */
function defaultAdapter(settings: Settings): HttpAdapter | Promise<HttpAdapter> {
  const { OIDC_CA, OIDC_PROXY } = settings;
  const isPlain = OIDC_CA === undefined && OIDC_PROXY === undefined;
  return isPlain ? new LateHttpAdapter(() => undiciAdapter(settings)) : undiciAdapter(settings);
}

/** The adapter over undici, as the settings say. */
export async function undiciAdapter(settings: Settings): Promise<HttpAdapter> {
  const { UndiciHttpAdapter } = await import('./http/undici-adapter.ts');
  const { OIDC_CA: ca, OIDC_PROXY: proxy, OIDC_VERIFY_SSL: rejectUnauthorized } = settings;
  return new UndiciHttpAdapter({
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(proxy !== undefined && { proxy: proxy.reveal() }),
  });
}

function warnAboutCache(settings: Settings, logger: Logger): void {
  const { OIDC_RS_CACHE_TTL: ttl, OIDC_RS_CACHE_URL: url, OIDC_RS_STALE_IF_ERROR: stale } = settings;
  if (ttl > 0 || (url === undefined && stale === 0)) return;
  const name = url === undefined ? 'OIDC_RS_STALE_IF_ERROR' : 'OIDC_RS_CACHE_URL';
  logger.warn({ event: 'settings.warning' }, `${name} means nothing while OIDC_RS_CACHE_TTL is 0.`);
}

function warnAboutAudience(settings: Settings, logger: Logger): void {
  if (settings.OIDC_RS_RESOURCE !== undefined || settings.OIDC_RS_ALLOWED_AUDIENCES.length > 0) return;
  logger.warn(
    { event: 'settings.warning' },
    'Any token of this authorization server is taken, whoever it was issued to and for: set OIDC_RS_RESOURCE to this ' +
      "API's identifier, or OIDC_RS_ALLOWED_AUDIENCES to the clients that may call it.",
  );
}
