import type { AuthorizationServerClient } from '../authorization-server/authorization-server-client.ts';
import { JWTAuthorizationServerClient } from '../authorization-server/jwt-authorization-server-client.ts';
import type { Claims } from '../claims.ts';
import type { SettingName } from '../settings.ts';
import { IntrospectionResourceServerBackend } from './introspection-backend.ts';
import type { BackendDependencies } from './resource-server-backend.ts';

/**
 * Has the authorization server introspect every token and reads an answer that is signed by it and encrypted to this
 * API, so that nobody in between can read or change it.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9701 | RFC 9701}
 */
export class JWTResourceServerBackend<
  TUser,
  TClaims extends Claims = Claims,
> extends IntrospectionResourceServerBackend<TUser, TClaims> {
  static override readonly requiredSettings: readonly SettingName[] =
    JWTAuthorizationServerClient.requiredSettings;

  constructor(dependencies: BackendDependencies<TUser>, authorizationServer?: AuthorizationServerClient) {
    super(dependencies, authorizationServer ?? new JWTAuthorizationServerClient(dependencies));
  }
}
