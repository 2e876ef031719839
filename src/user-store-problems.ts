import type { Settings } from './settings.ts';
import type { UserStore } from './user/user-store.ts';

/** What the settings ask of a user store that it cannot do: one sentence each, beginning with the setting's name. */
export function userStoreProblems(settings: Settings, userStore: UserStore<unknown>): string[] {
  const { OIDC_RS_CREATE_USER, OIDC_RS_FALLBACK_TO_EMAIL, OIDC_RS_USERINFO_MAX_AGE } = settings;
  const { OIDC_OP_USER_ENDPOINT, OIDC_OP_INTROSPECTION_ENDPOINT } = settings;
  const name = userStore.constructor.name;
  const problems: string[] = [];
  const need = (setting: string, ...methods: (keyof UserStore<unknown>)[]): void => {
    const lacking = methods.filter((method) => typeof userStore[method] !== 'function');
    if (lacking.length === 0) return;
    problems.push(
      `${setting} needs a user store with ${lacking.join(' and ')}, and ${name} has none; ` +
        'pass one that keeps users, such as new KyselyUserStore(db), or leave the setting out.',
    );
  };
  if (OIDC_RS_CREATE_USER) need('OIDC_RS_CREATE_USER', 'create');
  if (OIDC_RS_FALLBACK_TO_EMAIL) need('OIDC_RS_FALLBACK_TO_EMAIL', 'linkByVerifiedEmail');
  if (OIDC_RS_USERINFO_MAX_AGE > 0) {
    need('OIDC_RS_USERINFO_MAX_AGE', 'update', 'updatedAt');
    // Where the authorization server is found by its metadata, so is its user endpoint.
    if (OIDC_OP_USER_ENDPOINT === undefined && OIDC_OP_INTROSPECTION_ENDPOINT !== undefined) {
      problems.push(
        'OIDC_RS_USERINFO_MAX_AGE asks the user endpoint again, and OIDC_OP_USER_ENDPOINT is missing; ' +
          'a right value is, for example, https://auth.example.com/userinfo.',
      );
    }
  }
  return problems;
}
