import {
  type AccessToken,
  type Claims,
  type ClaimsUser,
  IntrospectionResourceServerBackend,
} from 'oidc-resource-server';

/** A backend that is not registered, but imported by its module and its name. It lets only Alice in. */
export class StaffBackend extends IntrospectionResourceServerBackend<ClaimsUser> {
  override async getOrCreateUser(claims: Claims, token: AccessToken): Promise<ClaimsUser | undefined> {
    return claims.sub === 'alice' ? await super.getOrCreateUser(claims, token) : undefined;
  }
}
