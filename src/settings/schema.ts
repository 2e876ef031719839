import {
  choice,
  clientId,
  endpointUrl,
  issuerUrl,
  line,
  list,
  proxyUrl,
  realm,
  scopes,
  seconds,
  secretText,
  trueOrFalse,
  word,
  type Format,
} from './formats.ts';
import { certificates, privateKeys } from './pem.ts';

/** What is known about one setting. Its name is also the name of its environment variable. */
export interface SettingDefinition {
  /** What it means, in Markdown. */
  readonly doc: string;
  readonly format: Format<unknown>;
  /** Its value where it is not set; `undefined` where there is none. */
  readonly default: unknown;
  /** A right value, as it is written in the environment. */
  readonly example: string;
  /** Its value is a secret: it is handed on as a `Secret`. */
  readonly sensitive?: true;
  /** Its value may stand in the file that `X_FILE` names. */
  readonly file?: true;
  /** It is this package's own, and not in django-lasuite or the applications built on it. */
  readonly ours?: true;
}

const PEM_EXAMPLE = '-----BEGIN PRIVATE KEY-----\\nMIIEvQ…\\n-----END PRIVATE KEY-----';

/** Every setting there is. */
export const settingsSchema = {
  OIDC_OP_URL: {
    doc: 'The issuer: the URL by which the authorization server calls itself. It is compared with `iss` character by character, so a trailing slash matters.',
    format: issuerUrl,
    default: undefined,
    example: 'https://auth.example.com',
  },
  OIDC_OP_INTROSPECTION_ENDPOINT: {
    doc: 'Where the authorization server is asked about a token (RFC 7662).',
    format: endpointUrl,
    default: undefined,
    example: 'https://auth.example.com/token/introspect',
  },
  OIDC_OP_JWKS_ENDPOINT: {
    doc: 'Where the authorization server publishes the keys that it signs with. Needed for signed answers.',
    format: endpointUrl,
    default: undefined,
    example: 'https://auth.example.com/jwks',
  },
  OIDC_OP_TOKEN_ENDPOINT: {
    doc: 'Where the authorization server issues tokens. Checked, and not used yet.',
    format: endpointUrl,
    default: undefined,
    example: 'https://auth.example.com/token',
  },
  OIDC_OP_USER_ENDPOINT: {
    doc: 'Where the authorization server tells about the person behind a token (userinfo). Asked with the access token when a user is created; without it, the claims of the token must do.',
    format: endpointUrl,
    default: undefined,
    example: 'https://auth.example.com/userinfo',
  },
  OIDC_OP_USER_ENDPOINT_FORMAT: {
    doc: 'What the user endpoint answers with: `JSON`, a signed `JWT`, or `AUTO` to go by the content type of the answer.',
    format: choice('AUTO', 'JSON', 'JWT'),
    default: 'AUTO',
    example: 'AUTO',
  },
  OIDC_RS_CREATE_USER: {
    doc: 'Whether a person whom the user store does not know is created there. The login module has a setting of its own, `OIDC_CREATE_USER`, which means nothing here: a settings file that is carried over must not start to create people.',
    format: trueOrFalse,
    default: false,
    example: 'true',
    ours: true,
  },
  OIDC_RS_FALLBACK_TO_EMAIL: {
    doc: 'Whether a person whom the user store does not know becomes the one user with the same e-mail address and without a subject yet. Only a verified address counts (`email_verified` is `true`).',
    format: trueOrFalse,
    default: false,
    example: 'true',
    ours: true,
  },
  OIDC_RS_USERINFO_MAX_AGE: {
    doc: 'After how many seconds the user endpoint is asked again about a user who is known. `0`: never, only when a user is created.',
    format: seconds(0, 31_536_000),
    default: 0,
    example: '86400',
    ours: true,
  },
  OIDC_USERINFO_ESSENTIAL_CLAIMS: {
    doc: 'Claims without which no user is created.',
    format: list,
    default: [],
    example: 'email,given_name',
  },
  OIDC_USERINFO_FULLNAME_FIELDS: {
    doc: "Claims that make the user's full name, joined by blanks. Empty: the claim `name`.",
    format: list,
    default: [],
    example: 'given_name,usual_name',
  },
  OIDC_USERINFO_SHORTNAME_FIELD: {
    doc: "The claim that is the user's short name.",
    format: word,
    default: undefined,
    example: 'given_name',
  },
  OIDC_RS_CLIENT_ID: {
    doc: 'The client id under which this API is registered at the authorization server. Where it is not set, `OIDC_RP_CLIENT_ID` is used.',
    format: clientId,
    default: undefined,
    example: 'my-api',
  },
  OIDC_RS_CLIENT_SECRET: {
    doc: 'The secret that goes with the client id. Where it is not set, `OIDC_RP_CLIENT_SECRET` is used.',
    format: secretText,
    default: undefined,
    example: '9f86d081884c7d659a2feaa0c55ad015',
    sensitive: true,
    file: true,
  },
  OIDC_RP_CLIENT_ID: {
    doc: 'The client id of the login module, for an application that is registered only once.',
    format: clientId,
    default: undefined,
    example: 'my-api',
  },
  OIDC_RP_CLIENT_SECRET: {
    doc: 'The client secret of the login module.',
    format: secretText,
    default: undefined,
    example: '9f86d081884c7d659a2feaa0c55ad015',
    sensitive: true,
    file: true,
  },
  OIDC_RS_CLIENT_AUTH_METHOD: {
    doc: 'How the client id and secret are sent. `auto` tries `client_secret_basic`, then `client_secret_post`, and keeps what the authorization server accepts.',
    format: choice('auto', 'client_secret_basic', 'client_secret_post'),
    default: 'auto',
    example: 'client_secret_basic',
    ours: true,
  },
  OIDC_RS_SCOPES: {
    doc: 'The scopes of which a token must have one, or all: see `OIDC_RS_SCOPES_MATCH`. Empty: none is asked for.',
    format: scopes,
    default: [],
    example: 'groups,profile',
  },
  OIDC_RS_SCOPES_MATCH: {
    doc: 'Whether `any` one of `OIDC_RS_SCOPES` is enough or `all` are needed.',
    format: choice('any', 'all'),
    default: 'any',
    example: 'all',
    ours: true,
  },
  OIDC_RS_AUDIENCE_CLAIM: {
    doc: 'The claim that names the caller: the application for which the token was issued.',
    format: word,
    default: 'client_id',
    example: 'client_id',
  },
  OIDC_RS_ALLOWED_AUDIENCES: {
    doc: 'The callers that may come in, as named by `OIDC_RS_AUDIENCE_CLAIM`. Empty: any.',
    format: list,
    default: [],
    example: 'web-app,mobile-app',
  },
  OIDC_RS_RESOURCE: {
    doc: 'The name of this API that must be in the `aud` of a token (RFC 8707). A token without `aud` is refused then, too. Not set: `aud` is not looked at.',
    format: word,
    default: undefined,
    example: 'https://api.example.com',
    ours: true,
  },
  OIDC_RS_REQUIRE_ISSUER: {
    doc: 'Whether an answer about a token must name its issuer. An issuer that is named must be `OIDC_OP_URL` in any case.',
    format: trueOrFalse,
    default: false,
    example: 'true',
    ours: true,
  },
  OIDC_RS_REQUIRE_TOKEN_TYPE: {
    doc: 'Whether an answer about a token must give its type. Some servers give refresh tokens none and call them active: switch this off only for a server that never gives one.',
    format: trueOrFalse,
    default: true,
    example: 'true',
    ours: true,
  },
  OIDC_RS_CLOCK_TOLERANCE: {
    doc: 'By how many seconds the clocks of this machine and of the authorization server may differ.',
    format: seconds(0, 60),
    default: 5,
    example: '5',
    ours: true,
  },
  OIDC_RS_BASE64_TOKENS: {
    doc: 'Whether a token that the authorization server does not know is tried once more, decoded from base64.',
    format: trueOrFalse,
    default: false,
    example: 'false',
    ours: true,
  },
  OIDC_RS_PRIVATE_KEY_STR: {
    doc: 'The private keys with which signed and encrypted answers are decrypted. The first is the current one, and all of them decrypt: so keys are rotated. The public halves are published at `/jwks`.',
    format: privateKeys,
    default: undefined,
    example: PEM_EXAMPLE,
    sensitive: true,
    file: true,
  },
  OIDC_RS_ENCRYPTION_KEY_TYPE: {
    doc: 'What kind of key `OIDC_RS_PRIVATE_KEY_STR` holds.',
    format: choice('RSA', 'EC', 'OKP'),
    default: 'RSA',
    example: 'RSA',
  },
  OIDC_RS_ENCRYPTION_ALGO: {
    doc: 'The algorithm (`alg`) by which the authorization server encrypts to our key.',
    format: choice(
      'RSA-OAEP',
      'RSA-OAEP-256',
      'RSA-OAEP-384',
      'RSA-OAEP-512',
      'ECDH-ES',
      'ECDH-ES+A128KW',
      'ECDH-ES+A192KW',
      'ECDH-ES+A256KW',
    ),
    default: 'RSA-OAEP',
    example: 'RSA-OAEP',
  },
  OIDC_RS_ENCRYPTION_ENCODING: {
    doc: 'The algorithm (`enc`) by which the content of an encrypted answer is encrypted.',
    format: choice('A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512', 'A128GCM', 'A192GCM', 'A256GCM'),
    default: 'A256GCM',
    example: 'A256GCM',
  },
  OIDC_RS_SIGNING_ALGO: {
    doc: 'The algorithm by which the authorization server signs its answers. No other is accepted.',
    format: choice(
      ...([
        'ES256',
        'ES384',
        'ES512',
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
        'EdDSA',
        'Ed25519',
      ] as const),
    ),
    default: 'ES256',
    example: 'ES256',
  },
  OIDC_RS_INTROSPECTION_AUDIENCE: {
    doc: 'Names besides our client id that the `aud` of a signed answer may have. For servers that put something else there.',
    format: list,
    default: [],
    example: 'https://api.example.com',
    ours: true,
  },
  OIDC_TIMEOUT: {
    doc: 'After how many seconds a request to the authorization server, or a call of the user store, is given up.',
    format: seconds(0.01, 60, 'fractions'),
    default: 5,
    example: '5',
  },
  OIDC_PROXY: {
    doc: 'The proxy through which the authorization server is reached. It may carry a user name and password.',
    format: proxyUrl,
    default: undefined,
    example: 'http://proxy.example.com:3128',
    sensitive: true,
    file: true,
  },
  OIDC_CA: {
    doc: 'The certificates of authorities that are trusted to vouch for the authorization server, besides the well-known ones.',
    format: certificates,
    default: undefined,
    example: '-----BEGIN CERTIFICATE-----\\nMIIB…\\n-----END CERTIFICATE-----',
    file: true,
    ours: true,
  },
  OIDC_VERIFY_SSL: {
    doc: 'Whether the certificate of the authorization server is checked. `false` is for development alone, and refused with `NODE_ENV=production`; for an authority of your own use `OIDC_CA`.',
    format: trueOrFalse,
    default: true,
    example: 'true',
  },
  OIDC_RESOURCE_SERVER_ENABLED: {
    doc: 'Whether requests are let in at all. `false`: protected routes answer 503, the authorization server is never asked, and no other setting is needed.',
    format: trueOrFalse,
    default: true,
    example: 'true',
  },
  OIDC_RS_BACKEND_CLASS: {
    doc: "The backend: a registered name, the dotted path of the original's class, or a module and its export (`./backends/team.js#TeamBackend`). `ResourceServerBackend` means `IntrospectionResourceServerBackend`.",
    format: line,
    default: 'ResourceServerBackend',
    example: 'JWTResourceServerBackend',
  },
  OIDC_RS_REALM: {
    doc: 'The `realm` in `WWW-Authenticate`, where refused callers read it.',
    format: realm,
    default: 'api',
    example: 'api',
    ours: true,
  },
} as const satisfies Record<string, SettingDefinition>;
