import { type Claims, ownClaim } from '../claims.ts';
import type { Settings } from '../settings.ts';
import type { UserProfile } from '../user/user-store.ts';

/**
 * What is known about a person, from claims and an explicit map: `email`, the full name out of
 * `OIDC_USERINFO_FULLNAME_FIELDS`, the short name out of `OIDC_USERINFO_SHORTNAME_FIELD`. Nothing else is taken over.
 */
export function profileOf(claims: Claims, settings: Settings): UserProfile {
  const { OIDC_USERINFO_FULLNAME_FIELDS: fields, OIDC_USERINFO_SHORTNAME_FIELD: shortField } = settings;
  const email = textOf(claims, 'email');
  const fullName = (fields.length === 0 ? ['name'] : fields)
    .flatMap((name) => textOf(claims, name) ?? [])
    .join(' ');
  const shortName = shortField === undefined ? undefined : textOf(claims, shortField);
  return {
    ...(email !== undefined && { email }),
    ...(fullName !== '' && { fullName }),
    ...(shortName !== undefined && { shortName }),
    claims,
  };
}

/** The claims of `OIDC_USERINFO_ESSENTIAL_CLAIMS` that are not there, or empty. */
export function missingEssentialClaims(claims: Claims, settings: Settings): string[] {
  return settings.OIDC_USERINFO_ESSENTIAL_CLAIMS.filter((name) => {
    const value = ownClaim(claims, name);
    return value === undefined || value === null || value === '';
  });
}

function textOf(claims: Claims, name: string): string | undefined {
  const value = ownClaim(claims, name);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
