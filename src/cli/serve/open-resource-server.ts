import type { ResourceServerBackend } from '../../backend/resource-server-backend.ts';
import type { ClaimsCache } from '../../cache/claims-cache.ts';
import { compose } from '../../composition.ts';
import { createResourceServer } from '../../resource-server.ts';
import { readSettings, type SettingsInput } from '../../settings.ts';
import type { Logger, Requirements, ResourceRequest, ResourceServer } from '../../types.ts';
import type { UserStore } from '../../user/user-store.ts';

/** A resource server, and its backend to try out whether it can decide; there is none where it is switched off. */
export interface OpenResourceServer {
  readonly resourceServer: ResourceServer<unknown>;
  readonly backend: ResourceServerBackend<unknown> | undefined;
  /** Where claims are kept, if they are. */
  readonly claimsCache?: ClaimsCache | undefined;
}

/** @throws ConfigurationError listing every problem at once */
export async function openResourceServer(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: SettingsInput;
  readonly userStore: UserStore<unknown>;
  readonly logger: Logger;
}): Promise<OpenResourceServer> {
  const reading = readSettings(options);
  if (!reading.settings.OIDC_RESOURCE_SERVER_ENABLED) {
    return { resourceServer: await createResourceServer(options), backend: undefined };
  }
  const { authenticator, backend, challenge, dependencies, endpoints, close } = await compose(
    options,
    reading,
  );
  const resourceServer = {
    authenticate: async (request: ResourceRequest, requirements?: Requirements) =>
      authenticator.authenticate(request, requirements),
    challenge,
    endpoints,
    close,
  } as ResourceServer<unknown>;
  return { resourceServer, backend, claimsCache: dependencies.claimsCache };
}
