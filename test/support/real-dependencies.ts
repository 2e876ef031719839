import { expect } from 'vitest';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import { AuthorizationServerMetadata } from '../../src/authorization-server/metadata.ts';
import { SigningKeys } from '../../src/authorization-server/signing-keys.ts';
import type { BackendDependencies } from '../../src/backend/resource-server-backend.ts';
import type { HttpAdapter } from '../../src/http/http-adapter.ts';
import { PrivateKeys } from '../../src/key/private-keys.ts';
import { loadSettings, type SettingsInput } from '../../src/settings.ts';
import { ClaimsUserStore, type ClaimsUser } from '../../src/user/claims-user-store.ts';
import { RecordingLogger } from './recording-logger.ts';

/** What backends and clients are built from, by the real classes, as `createResourceServer` does. */
export function realDependencies(
  input: SettingsInput,
  http: HttpAdapter,
): BackendDependencies<ClaimsUser> & { readonly logger: RecordingLogger } {
  const settings = loadSettings({ settings: input, env: {} });
  const logger = new RecordingLogger();
  const { keys: privateKeys, problems } = PrivateKeys.read({
    pem: settings.OIDC_RS_PRIVATE_KEY_STR,
    keyType: settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
    algorithm: settings.OIDC_RS_ENCRYPTION_ALGO,
    encoding: settings.OIDC_RS_ENCRYPTION_ENCODING,
  });
  expect(problems).toEqual([]);
  const exchange = new Exchange({ http, logger, timeoutMs: settings.OIDC_TIMEOUT * 1000 });
  const metadata = new AuthorizationServerMetadata({ settings, exchange, logger });
  const url = () => metadata.endpoint('OIDC_OP_JWKS_ENDPOINT');
  const signingKeys = new SigningKeys({ exchange, url, logger });
  return { settings, http, logger, metadata, signingKeys, privateKeys, userStore: new ClaimsUserStore() };
}
