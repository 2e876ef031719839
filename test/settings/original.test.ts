import { generateKeyPairSync } from 'node:crypto';
import { parseEnv } from 'node:util';

import { describe, expect, it } from 'vitest';

import { missingSettings, readSettings, type SettingsInput } from '../../src/settings.ts';

const KEY = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey;

const REQUIRED = [
  'OIDC_OP_URL',
  'OIDC_OP_INTROSPECTION_ENDPOINT',
  'OIDC_RS_CLIENT_ID',
  'OIDC_RS_CLIENT_SECRET',
] as const;

function allProblems(options: { env: Record<string, string>; settings?: SettingsInput }): readonly string[] {
  const reading = readSettings(options);
  return [...reading.problems, ...missingSettings(reading, REQUIRED, 'ResourceServerBackend')];
}

const withKey = (value: string): unknown =>
  expect.stringMatching(new RegExp(`^OIDC_RS_PRIVATE_KEY_STR ${value}`));

describe('environments of teams that use the original', () => {
  // The values of the settings block in django-lasuite's guide to its resource server, as printed there.
  const guide = {
    OIDC_RS_BACKEND_CLASS: 'lasuite.oidc_resource_server.backend.ResourceServerBackend',
    OIDC_RS_AUDIENCE_CLAIM: 'client_id',
    OIDC_RS_ENCRYPTION_ENCODING: 'A256GCM',
    OIDC_RS_ENCRYPTION_ALGO: 'RSA-OAEP',
    OIDC_RS_SIGNING_ALGO: 'ES256',
    OIDC_RS_PRIVATE_KEY_STR: '-----BEGIN PRIVATE KEY-----\nYOUR_PRIVATE_KEY_HERE\n-----END PRIVATE KEY-----',
    OIDC_RS_ENCRYPTION_KEY_TYPE: 'RSA',
    OIDC_RP_CLIENT_ID: 'your-client-id',
    OIDC_RP_CLIENT_SECRET: 'your-client-secret',
    OIDC_OP_URL: 'https://your-provider.com/',
    OIDC_OP_TOKEN_ENDPOINT: 'https://your-provider.com/token',
    OIDC_OP_USER_ENDPOINT: 'https://your-provider.com/userinfo',
    OIDC_OP_INTROSPECTION_ENDPOINT: 'https://your-provider.com/token/introspect',
    OIDC_OP_USER_ENDPOINT_FORMAT: 'AUTO',
  };
  const quoted = (key: string): string => `"""${key}"""`;
  const asEnvironment = (changes: Record<string, string>): { env: Record<string, string> } => ({
    env: {
      ...guide,
      OIDC_RS_SCOPES: '["groups"]',
      OIDC_RS_PRIVATE_KEY_STR: quoted(guide.OIDC_RS_PRIVATE_KEY_STR),
      ...changes,
    },
  });
  const asOptions = (changes: SettingsInput): { env: Record<string, string>; settings: SettingsInput } => ({
    env: {},
    settings: { ...guide, OIDC_RS_SCOPES: ['groups'], ...changes },
  });

  it("starts with the guide's block once a real key is in it, and asks for nothing else until then", () => {
    for (const printed of [asEnvironment({}), asOptions({})]) {
      expect(allProblems(printed)).toEqual([withKey('has a PEM block whose content is not base64')]);
      expect(readSettings(printed).warnings).toEqual([]);
    }
    const complete = [
      asEnvironment({ OIDC_RS_PRIVATE_KEY_STR: quoted(KEY) }),
      asOptions({ OIDC_RS_PRIVATE_KEY_STR: KEY }),
    ];
    for (const options of complete) {
      expect(allProblems(options)).toEqual([]);
      const { settings, warnings } = readSettings(options);
      expect(warnings).toEqual([]);
      expect(settings).toMatchObject({
        OIDC_OP_URL: 'https://your-provider.com/',
        OIDC_RS_CLIENT_ID: 'your-client-id',
        OIDC_RS_SCOPES: ['groups'],
      });
      expect(settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('your-client-secret');
      expect(settings.OIDC_RS_PRIVATE_KEY_STR?.reveal()).toBe(KEY);
    }
  });

  it('says exactly that OIDC_OP_URL and the key are missing when both are', () => {
    for (const options of [asEnvironment({ OIDC_OP_URL: '' }), asOptions({ OIDC_OP_URL: undefined })]) {
      expect(allProblems(options)).toEqual([
        withKey('has a PEM block'),
        'OIDC_OP_URL is missing; ResourceServerBackend needs it, for example https://auth.example.com',
      ]);
    }
  });

  it('finds nothing to say about the .env of a team that logs in with the original too', () => {
    const env = parseEnv(`
      NODE_ENV=production
      DJANGO_SETTINGS_MODULE=team.settings
      DB_HOST=postgresql
      LOGIN_REDIRECT_URL=https://team.example.org
      OIDC_OP_URL=https://auth.example.org/realms/team/
      OIDC_OP_JWKS_ENDPOINT=https://auth.example.org/realms/team/protocol/openid-connect/certs
      OIDC_OP_AUTHORIZATION_ENDPOINT=https://auth.example.org/realms/team/protocol/openid-connect/auth
      OIDC_OP_TOKEN_ENDPOINT=https://auth.example.org/realms/team/protocol/openid-connect/token
      OIDC_OP_USER_ENDPOINT=https://auth.example.org/realms/team/protocol/openid-connect/userinfo
      OIDC_OP_INTROSPECTION_ENDPOINT=https://auth.example.org/realms/team/protocol/openid-connect/token/introspect
      OIDC_OP_LOGOUT_ENDPOINT=https://auth.example.org/realms/team/protocol/openid-connect/logout
      OIDC_OP_BASE_URL=https://auth.example.org
      OIDC_OP_AUTH_ENDPOINT=https://auth.example.org/auth
      OIDC_OP_LOGOUT_URL_METHOD=lasuite.oidc_login.views.logout_url
      OIDC_OP_USER_ENDPOINT_FORMAT=AUTO
      OIDC_RP_CLIENT_ID=team
      OIDC_RP_CLIENT_SECRET=ThisIsAnExampleKeyForDevPurposeOnly
      OIDC_RP_SIGN_ALGO=RS256
      OIDC_RP_SCOPES="openid email"
      OIDC_RP_IDP_SIGN_KEY=
      OIDC_ALLOW_DUPLICATE_EMAILS=False
      OIDC_ALLOW_UNSECURED_JWT=False
      OIDC_AUTHENTICATE_CLASS=lasuite.oidc_login.views.OIDCAuthenticationRequestView
      OIDC_AUTHENTICATION_CALLBACK_URL=oidc_authentication_callback
      OIDC_AUTH_REQUEST_EXTRA_PARAMS={"acr_values": "eidas1"}
      OIDC_CALLBACK_CLASS=lasuite.oidc_login.views.OIDCAuthenticationCallbackView
      OIDC_CREATE_USER=True
      OIDC_DRF_AUTH_BACKEND=team.Backend
      OIDC_ESSENTIAL_CLAIMS=email
      OIDC_EXEMPT_URLS=[]
      OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION=True
      OIDC_FIELDS_TO_FULLNAME=first_name,last_name
      OIDC_FIELD_TO_SHORTNAME=first_name
      OIDC_MAX_STATES=50
      OIDC_NONCE_SIZE=32
      OIDC_PKCE_CODE_CHALLENGE_METHOD=S256
      OIDC_PKCE_CODE_VERIFIER_SIZE=64
      OIDC_REDIRECT_ALLOWED_HOSTS="team.example.org,api.example.org"
      OIDC_REDIRECT_FIELD_NAME=next
      OIDC_REDIRECT_REQUIRE_HTTPS=True
      OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS=900
      OIDC_STATE_SIZE=32
      OIDC_STORE_ACCESS_TOKEN=True
      OIDC_STORE_ID_TOKEN=True
      OIDC_STORE_REFRESH_TOKEN=True
      OIDC_STORE_REFRESH_TOKEN_KEY="your-32-byte-encryption-key=="
      OIDC_TOKEN_USE_BASIC_AUTH=False
      OIDC_USERINFO_ESSENTIAL_CLAIMS=sub,email
      OIDC_USERINFO_FULLNAME_FIELDS="first_name,last_name"
      OIDC_USERINFO_SHORTNAME_FIELD=first_name
      OIDC_USERNAME_ALGO=
      OIDC_USER_SUB_FIELD=sub
      OIDC_USER_SUB_FIELD_IMMUTABLE=True
      OIDC_USE_NONCE=True
      OIDC_USE_PKCE=True
      OIDC_VERIFY_JWT=True
      OIDC_VERIFY_KID=True
      OIDC_VERIFY_SSL=True
      OIDC_TIMEOUT=3
      OIDC_PROXY=
      USER_OIDC_ESSENTIAL_CLAIMS=email
      USER_OIDC_FIELDS_TO_FULLNAME=first_name,last_name
      USER_OIDC_FIELD_TO_SHORTNAME=first_name

      OIDC_RESOURCE_SERVER_ENABLED=True
      OIDC_RS_BACKEND_CLASS=lasuite.oidc_resource_server.backend.JWTResourceServerBackend
      OIDC_RS_CLIENT_ID=team-api
      OIDC_RS_CLIENT_SECRET=ThisIsAnExampleKeyForDevPurposeOnly
      OIDC_RS_AUDIENCE_CLAIM="client_id"  # The claim used to identify the audience
      OIDC_RS_ALLOWED_AUDIENCES=""
      OIDC_RS_SCOPES=openid,groups
      OIDC_RS_SIGNING_ALGO=ES256
      OIDC_RS_ENCRYPTION_KEY_TYPE=RSA
      OIDC_RS_ENCRYPTION_ALGO=RSA-OAEP
      OIDC_RS_ENCRYPTION_ENCODING=A256GCM
      OIDC_RS_PRIVATE_KEY_STR="${KEY.replaceAll('\n', '\\n')}"
    `);
    const reading = readSettings({ env });
    expect(reading.problems).toEqual([]);
    expect(reading.warnings).toEqual([]);
    expect(
      missingSettings(reading, [...REQUIRED, 'OIDC_OP_JWKS_ENDPOINT'], 'JWTResourceServerBackend'),
    ).toEqual([]);
    expect(reading.settings).toMatchObject({
      OIDC_RS_BACKEND_CLASS: 'lasuite.oidc_resource_server.backend.JWTResourceServerBackend',
      OIDC_OP_URL: 'https://auth.example.org/realms/team/',
      OIDC_RS_ALLOWED_AUDIENCES: [],
      OIDC_RS_SCOPES: ['openid', 'groups'],
      OIDC_TIMEOUT: 3,
      OIDC_PROXY: undefined,
    });
  });
});
