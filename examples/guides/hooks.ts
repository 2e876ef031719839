// Finer hooks: four habits of applications, each in the one hook that it needs.
import {
  type AccessToken,
  type Claims,
  IntrospectionResourceServerBackend,
  InvalidTokenError,
  MemoryUserStore,
  type MemoryUser,
  type Requirements,
} from 'oidc-resource-server';

export const users = new MemoryUserStore();

// #region subject
export class SubjectBackend extends IntrospectionResourceServerBackend<MemoryUser> {
  /** The subject is all that is kept. No setting is asked, and no name or e-mail address is stored. */
  protected override createUser(claims: Claims): Promise<MemoryUser> {
    return users.create(this.settings.OIDC_OP_URL as string, claims.sub as string, { claims: {} });
  }
}
// #endregion subject

// #region no-database
export interface Caller {
  readonly subject: string;
  readonly isStaff: boolean;
}

export class CallerBackend extends IntrospectionResourceServerBackend<Caller> {
  /** The user is made of the claims. Whoever has a good token is known. */
  protected override getUser(claims: Claims): Promise<Caller> {
    return Promise.resolve({ subject: claims.sub as string, isStaff: claims.staff === true });
  }
}
// #endregion no-database

// #region team
/** The claim `groups`, as far as it is what it should be. */
export function groupsOf(claims: Claims): readonly string[] {
  const { groups } = claims;
  return Array.isArray(groups) ? groups.filter((group): group is string => typeof group === 'string') : [];
}

export class PharmacyBackend extends IntrospectionResourceServerBackend<MemoryUser> {
  /** Nobody else comes in. The user store is not asked about them, so none of them is created either. */
  override verifyClaims(claims: Claims, requirements: Requirements): void | Promise<void> {
    if (!groupsOf(claims).includes('pharmacy')) {
      throw new InvalidTokenError('team', 'This person is not in the team "pharmacy".');
    }
    return super.verifyClaims(claims, requirements);
  }
}
// #endregion team

// #region groups
export interface Member extends MemoryUser {
  groups?: readonly string[];
}

export class GroupsBackend extends IntrospectionResourceServerBackend<Member> {
  protected override async updateUser(user: Member, claims: Claims, token: AccessToken): Promise<Member> {
    return withGroups(await super.updateUser(user, claims, token), claims);
  }

  /** Somebody who has just been created is not updated, so this hook has to do it too. */
  protected override async createUser(claims: Claims, token: AccessToken): Promise<Member | undefined> {
    const user = await super.createUser(claims, token);
    return user && withGroups(user, claims);
  }
}

/** Writes only what has changed: this runs for every request. */
function withGroups(user: Member, claims: Claims): Member {
  const groups = groupsOf(claims);
  // With a database, this is where it is written.
  if (groups.join() !== user.groups?.join()) user.groups = groups;
  return user;
}
// #endregion groups
