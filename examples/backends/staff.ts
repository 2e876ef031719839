// A module with a backend, named by the setting: OIDC_RS_BACKEND_CLASS=./examples/backends/staff.ts#StaffBackend
import {
  type AccessToken,
  type Claims,
  type ClaimsUser,
  IntrospectionResourceServerBackend,
} from 'oidc-resource-server';

export class StaffBackend extends IntrospectionResourceServerBackend<ClaimsUser> {
  /** Guests are refused; staff are known by nothing but their claims. */
  override async getOrCreateUser(claims: Claims, token: AccessToken): Promise<ClaimsUser | undefined> {
    const isGuest = (claims.sub as string).startsWith('guest-');
    return isGuest ? undefined : super.getOrCreateUser(claims, token);
  }
}
