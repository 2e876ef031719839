import {
  type AccessToken,
  type Claims,
  type ClaimsUser,
  IntrospectionResourceServerBackend,
  registerBackend,
} from 'oidc-resource-server';

/** Lets only people of the team in. */
export class TeamBackend extends IntrospectionResourceServerBackend<ClaimsUser> {
  override async getOrCreateUser(claims: Claims, token: AccessToken): Promise<ClaimsUser | undefined> {
    return claims.sub === 'alice' ? await super.getOrCreateUser(claims, token) : undefined;
  }
}

registerBackend('Team', TeamBackend);
