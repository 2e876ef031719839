import { type AuthenticateAtOnce, registerAtOnce } from './at-once.ts';
import { createChallenge } from './authentication/challenge.ts';
import type { Awaitable } from './awaitable.ts';
import type { Claims } from './claims.ts';
import { compose, refuseProblems, type ResourceServerOptions } from './composition.ts';
import { UnavailableError } from './errors.ts';
import { stderrLogger } from './logger.ts';
import { readSettings, type Settings } from './settings.ts';
import type { AuthenticationFor, Logger, Requirements, ResourceRequest, ResourceServer } from './types.ts';
import type { ClaimsUser } from './user/claims-user-store.ts';

/**
 * Reads and checks the settings, builds the backend, and returns what an application holds for its whole life.
 *
 * It does not ask the authorization server: one that is down at the start is asked again by the first request.
 *
 * @example
 * {@includeCode ../examples/express.ts}
 *
 * @typeParam U The user that routes get; follows from `userStore` or `backend`.
 * @throws ConfigurationError listing every problem at once
 */
export async function createResourceServer<U = ClaimsUser, C extends Claims = Claims>(
  options: ResourceServerOptions<U, C> = {},
): Promise<ResourceServer<U, C>> {
  const { logger = stderrLogger } = options;
  const reading = readSettings(options);
  const { settings } = reading;
  if (!settings.OIDC_RESOURCE_SERVER_ENABLED) {
    refuseProblems(reading.problems);
    logger.warn({ event: 'resource_server.disabled' }, new UnavailableError('ERR_DISABLED').message);
    return disabledResourceServer(settings, logger);
  }

  const { authenticator, backend, backendName, dependencies, challenge, endpoints, close } = await compose(
    options,
    reading,
  );
  const names = { backend: backendName, user_store: dependencies.userStore.constructor.name };
  logger.info(
    { event: 'resource_server.started', ...names, issuer: settings.OIDC_OP_URL },
    `Requests are let in by ${names.backend}, users come from ${names.user_store}.`,
  );

  let closed = false;
  const authenticate: AuthenticateAtOnce<U, C> = <const R extends Requirements>(
    request: ResourceRequest,
    requirements?: R,
  ) => {
    if (closed) throw new UnavailableError('ERR_CLOSED');
    return authenticator.authenticate(request, requirements) as Awaitable<AuthenticationFor<U, C, R>>;
  };
  const resourceServer = Object.freeze<ResourceServer<U, C>>({
    authenticate: async (request, requirements) => authenticate(request, requirements),
    revoke: (target) => backend.revoke(target),
    challenge,
    endpoints,
    close: async () => {
      closed = true;
      await close();
    },
  });
  registerAtOnce(resourceServer, authenticate);
  return resourceServer;
}

/** Lets nothing through, not even where credentials are optional, and publishes nothing. */
function disabledResourceServer<U, C extends Claims>(
  settings: Settings,
  logger: Logger,
): ResourceServer<U, C> {
  return Object.freeze<ResourceServer<U, C>>({
    authenticate: () => Promise.reject(new UnavailableError('ERR_DISABLED')),
    revoke: () => Promise.resolve(),
    challenge: createChallenge({ realm: settings.OIDC_RS_REALM, logger }),
    endpoints: Object.freeze([]),
    close: () => Promise.resolve(),
  });
}
