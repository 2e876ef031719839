import {
  AuthorizationServerClient,
  IntrospectionResourceServerBackend,
  JWTAuthorizationServerClient,
  JWTResourceServerBackend,
} from 'oidc-resource-server';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/settings.ts';
import { LOGIN_SETTINGS } from '../../src/settings/names.ts';
import { pageAt } from './pages.ts';

const page = pageAt('docs/guides/migrating-from-django-lasuite.md');

/** The code words in the first cells of the tables below a heading, up to the next heading of that or a higher level. */
function firstCells(heading: string): string[] {
  const level = heading.indexOf(' ');
  const [, section = ''] = page.text.split(`\n${heading}\n`);
  const [body = ''] = section.split(new RegExp(`^#{1,${level}} `, 'm'));
  return [...body.matchAll(/^\| ([^|]+)\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  );
}

// Every setting that src/lasuite/oidc_resource_server and src/lasuite/oidc_login of django-lasuite 0.0.26 name.
const SETTINGS = `
  OIDC_AUTHENTICATION_CALLBACK_URL OIDC_AUTH_REQUEST_EXTRA_PARAMS OIDC_CREATE_USER
  OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION OIDC_NONCE_SIZE OIDC_OP_AUTHORIZATION_ENDPOINT
  OIDC_OP_INTROSPECTION_ENDPOINT OIDC_OP_JWKS_ENDPOINT OIDC_OP_LOGOUT_ENDPOINT OIDC_OP_TOKEN_ENDPOINT OIDC_OP_URL
  OIDC_OP_USER_ENDPOINT OIDC_OP_USER_ENDPOINT_FORMAT OIDC_PROXY OIDC_RP_CLIENT_ID OIDC_RP_CLIENT_SECRET OIDC_RP_SCOPES
  OIDC_RS_AUDIENCE_CLAIM OIDC_RS_BACKEND_CLASS OIDC_RS_CLIENT_ID OIDC_RS_CLIENT_SECRET OIDC_RS_ENCRYPTION_ALGO
  OIDC_RS_ENCRYPTION_ENCODING OIDC_RS_ENCRYPTION_KEY_TYPE OIDC_RS_PRIVATE_KEY_STR OIDC_RS_SCOPES OIDC_RS_SIGNING_ALGO
  OIDC_STATE_SIZE OIDC_STORE_ACCESS_TOKEN OIDC_STORE_ID_TOKEN OIDC_STORE_REFRESH_TOKEN OIDC_STORE_REFRESH_TOKEN_KEY
  OIDC_TIMEOUT OIDC_TOKEN_USE_BASIC_AUTH OIDC_USERINFO_ESSENTIAL_CLAIMS OIDC_USERINFO_FULLNAME_FIELDS
  OIDC_USER_SUB_FIELD OIDC_USER_SUB_FIELD_IMMUTABLE OIDC_USE_NONCE OIDC_VERIFY_SSL
`;

// What its backend.py, clients.py, authentication.py, mixins.py, utils.py and views.py define, constructors left out.
const CLASSES = `
  ResourceServerBackend JWTResourceServerBackend ResourceServerImproperlyConfiguredBackend AuthorizationServerClient
  JWTAuthorizationServerClient ResourceServerAuthentication ResourceServerMixin JWKSView
`;
const BACKEND = `
  authorization_server_client_class UserModel token_origin_audience get_user_info_with_introspection get_or_create_user
  get_user _verify_user_info _get_introspection _introspect _decrypt _decode _verify_claims
`;
const CLIENTS = 'url _header_accept _introspection_headers get_introspection get_jwks import_public_keys';
const AROUND = `
  get_resource_server_backend get_access_token authenticate get_serializer_context import_private_key_from_settings
`;
// And OIDCAuthenticationBackend in backends.py of its login module.
const LOGIN = `
  get_token get_extra_claims post_get_or_create_user get_userinfo verify_claims create_user compute_full_name
  get_existing_user update_user_if_needed
`;

const words = (text: string): string[] => text.trim().split(/\s+/);

describe('the guide to migrating', () => {
  const named = firstCells('## Settings');
  const used = [
    ...firstCells('### Of the resource server'),
    ...firstCells('### Of the login module, used here'),
  ];
  const unused = firstCells('### Of the login module, without a meaning here');

  it('has every setting of the original, once', () => {
    expect(named.length).toBeGreaterThan(60);
    expect(words(SETTINGS).filter((name) => !named.includes(name))).toEqual([]);
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
  });

  it('says of every setting whether it means something here, as the schema does', () => {
    const known = Object.entries(settingsSchema).flatMap(([name, definition]) =>
      'ours' in definition ? [] : [name],
    );
    expect([...used].sort()).toEqual(known.sort());
    expect([...unused].sort()).toEqual([...LOGIN_SETTINGS].sort());
  });

  it.each([
    ['### Classes', CLASSES],
    ['### Hooks of the backend', BACKEND],
    ['### Methods of the clients', CLIENTS],
    ['### Around a request', AROUND],
    ['### Hooks of the login module', LOGIN],
  ])('has every name of the original: %s', (heading, names) => {
    const cells = firstCells(heading);
    expect(words(names).filter((name) => !cells.includes(name))).toEqual([]);
  });

  it('leads to methods that exist', () => {
    const methods = (type: { prototype: object }): string[] => {
      const names: string[] = [];
      for (
        let at: object = type.prototype;
        at !== Object.prototype;
        at = Object.getPrototypeOf(at) as object
      ) {
        names.push(...Object.getOwnPropertyNames(at));
      }
      return names;
    };
    for (const backend of [IntrospectionResourceServerBackend, JWTResourceServerBackend]) {
      expect(methods(backend)).toEqual(
        expect.arrayContaining(
          words(
            'getClaims verifyClaims introspect getOrCreateUser getUser createUser updateUser getUserinfo',
          ),
        ),
      );
    }
    for (const client of [AuthorizationServerClient, JWTAuthorizationServerClient]) {
      expect(methods(client)).toEqual(expect.arrayContaining(words('introspect introspectionEndpoint')));
    }
  });
});
