import { settingsSchema, type Settings } from '../settings.ts';
import type { MetadataDocument } from './metadata-document.ts';

type Chosen =
  | 'OIDC_RS_CLIENT_AUTH_METHOD'
  | 'OIDC_RS_SIGNING_ALGO'
  | 'OIDC_RS_ENCRYPTION_ALGO'
  | 'OIDC_RS_ENCRYPTION_ENCODING';

const INTROSPECTION = [
  ['OIDC_RS_SIGNING_ALGO', 'introspection_signing_alg_values_supported'],
  ['OIDC_RS_ENCRYPTION_ALGO', 'introspection_encryption_alg_values_supported'],
  ['OIDC_RS_ENCRYPTION_ENCODING', 'introspection_encryption_enc_values_supported'],
] as const;

/** The member that lists how clients may authenticate for introspection (RFC 8414 section 2). */
export const AUTHENTICATION_METHODS = 'introspection_endpoint_auth_methods_supported';

/**
 * What the settings ask for and the authorization server does not offer, by its metadata: one sentence each, beginning
 * with the setting's name. The settings stay in force: metadata must not choose an algorithm.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9701#section-7 | RFC 9701 section 7}
 */
export function metadataWarnings(document: MetadataDocument, settings: Settings): string[] {
  const warnings = [mismatch(document, settings, 'OIDC_RS_CLIENT_AUTH_METHOD', AUTHENTICATION_METHODS)];
  if (settings.OIDC_RS_PRIVATE_KEY_STR !== undefined) {
    for (const [setting, member] of INTROSPECTION)
      warnings.push(mismatch(document, settings, setting, member));
  }
  if (settings.OIDC_OP_USER_ENDPOINT_FORMAT === 'JWT') {
    warnings.push(
      mismatch(document, settings, 'OIDC_RS_SIGNING_ALGO', 'userinfo_signing_alg_values_supported'),
    );
  }
  return [...new Set(warnings.filter((warning) => warning !== undefined))];
}

function mismatch(
  document: MetadataDocument,
  settings: Settings,
  setting: Chosen,
  member: string,
): string | undefined {
  const offered = document[member];
  if (!Array.isArray(offered)) return undefined;
  const { format } = settingsSchema[setting];
  const value = settings[setting];
  // Only words that we know are repeated: what somebody else wrote goes into no log.
  const known = offered.filter((word) => isOneOf(format, word));
  if (value === 'auto' ? known.length > 0 : known.includes(value)) return undefined;
  const offers = known.length === 0 ? 'none that this package knows' : known.join(', ');
  return `${setting} is ${value}, and the authorization server's metadata (${member}) offers ${offers}`;
}

function isOneOf(format: { read(value: unknown): unknown }, word: unknown): word is string {
  try {
    return typeof word === 'string' && format.read(word) === word;
  } catch {
    return false;
  }
}
