import { FormatError, endpointUrl, isPlainHttp } from '../settings/formats.ts';
import type { Settings } from '../settings.ts';

/** The name of a setting for an endpoint of the authorization server. */
export type EndpointSetting =
  | 'OIDC_OP_INTROSPECTION_ENDPOINT'
  | 'OIDC_OP_JWKS_ENDPOINT'
  | 'OIDC_OP_TOKEN_ENDPOINT'
  | 'OIDC_OP_USER_ENDPOINT';

/** The settings that name an endpoint of the authorization server, each with its member in the metadata (RFC 8414 section 2). */
export const ENDPOINTS: Readonly<Record<EndpointSetting, string>> = {
  OIDC_OP_INTROSPECTION_ENDPOINT: 'introspection_endpoint',
  OIDC_OP_JWKS_ENDPOINT: 'jwks_uri',
  OIDC_OP_TOKEN_ENDPOINT: 'token_endpoint',
  OIDC_OP_USER_ENDPOINT: 'userinfo_endpoint',
};

/** What an authorization server publishes about itself. Checked: its issuer. */
export type MetadataDocument = Readonly<Record<string, unknown>>;

type Addresses = Pick<Settings, 'OIDC_OP_URL' | 'OIDC_OP_INTERNAL_URL'>;

/**
 * Where the metadata may be: OpenID Connect appends to the issuer's path, RFC 8414 puts its own in front of it. Both are
 * asked under `OIDC_OP_INTERNAL_URL`, where that is set.
 *
 * @see {@link https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig | OpenID Connect Discovery section 4}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8414#section-3 | RFC 8414 section 3}
 */
export function metadataUrls(settings: Addresses): readonly [openid: string, oauth: string] {
  const base = (settings.OIDC_OP_INTERNAL_URL ?? settings.OIDC_OP_URL ?? '').replace(/\/$/, '');
  const { origin, pathname } = new URL(base);
  const path = pathname === '/' ? '' : pathname;
  return [
    `${base}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

/** What is wrong with the issuer that a document names; `undefined` when it is exactly `OIDC_OP_URL`. */
export function issuerProblem(document: MetadataDocument, issuer: string | undefined): string | undefined {
  if (document.issuer === issuer) return undefined;
  const slash =
    document.issuer === `${issuer ?? ''}/`
      ? ' The slash at its end is missing in the setting.'
      : `${String(document.issuer)}/` === issuer
        ? ' The slash at the end of the setting is too much.'
        : '';
  return `The issuer in its metadata is not exactly OIDC_OP_URL.${slash}`;
}

/**
 * The address of an endpoint that a document names, as it is to be asked from here; `undefined` where it names none.
 *
 * An address at the issuer's own origin is asked under `OIDC_OP_INTERNAL_URL`, where that is set.
 *
 * @throws FormatError where it is no usable URL, or one that would carry tokens unencrypted to another machine
 */
export function endpointOf(
  document: MetadataDocument,
  setting: EndpointSetting,
  settings: Addresses,
): string | undefined {
  const written = document[ENDPOINTS[setting]];
  if (written === undefined) return undefined;
  const url = internalUrl(endpointUrl.read(written), settings);
  const { OIDC_OP_URL: issuer = '', OIDC_OP_INTERNAL_URL: internal } = settings;
  // What the settings allow for the issuer itself was judged at the start: refused in production, a warning elsewhere.
  const mayBePlain =
    isPlainHttp(issuer) || (internal !== undefined && new URL(url).origin === new URL(internal).origin);
  if (isPlainHttp(url) && !mayBePlain) {
    throw new FormatError('is an http:// URL of another machine, so that others on the way read along');
  }
  return url;
}

function internalUrl(
  url: string,
  { OIDC_OP_URL: issuer = '', OIDC_OP_INTERNAL_URL: internal }: Addresses,
): string {
  if (internal === undefined || new URL(url).origin !== new URL(issuer).origin) return url;
  const from = issuer.replace(/\/$/, '');
  const to = internal.replace(/\/$/, '');
  if (url.startsWith(`${from}/`)) return to + url.slice(from.length);
  // Below the issuer's origin, and not below its path: the path is the same inside.
  return new URL(to).origin + url.slice(new URL(url).origin.length);
}
