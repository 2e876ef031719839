import { startTestAuthorizationServer } from '../../src/testing/authorization-server.ts';
import type { TestAuthorizationServerOptions } from '../../src/testing/authorization-server-options.ts';
import type { TestAuthorizationServer } from '../../src/testing/authorization-server-surface.ts';
import type { TokenRequest, Tokens } from '../../src/testing/token-request.ts';

export type { TestAuthorizationServer, TokenRequest, Tokens };
export type { TestAuthorizationServerOptions as AuthorizationServerOptions };
export type { TestEndpoints as Endpoints } from '../../src/testing/authorization-server-surface.ts';

/** The published one; without a key of the test's own, introspection answers are signed only. */
export function startAuthorizationServer(
  options: TestAuthorizationServerOptions = {},
): Promise<TestAuthorizationServer> {
  return startTestAuthorizationServer({
    signedOnly: options.encryptionJwks === undefined && options.encryptionJwksUri === undefined,
    ...options,
  });
}
