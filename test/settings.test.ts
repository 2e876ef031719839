import { generateKeyPairSync } from 'node:crypto';
import { inspect, parseEnv } from 'node:util';

import { describe, expect, expectTypeOf, it } from 'vitest';

import { ConfigurationError } from '../src/errors.ts';
import { Secret } from '../src/secret.ts';
import {
  loadSettings,
  missingSettings,
  readSettings,
  settingsSchema,
  type SettingName,
  type Settings,
  type SettingsInput,
} from '../src/settings.ts';

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

describe('the order of sources', () => {
  it('gives defaults where nothing is set', () => {
    const { settings, problems, warnings } = readSettings({ env: {} });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([]);
    for (const name of Object.keys(settingsSchema) as SettingName[]) {
      expect(settings[name], name).toEqual(settingsSchema[name].default);
    }
    expect(settings).toMatchObject({
      OIDC_RESOURCE_SERVER_ENABLED: true,
      OIDC_RS_BACKEND_CLASS: 'ResourceServerBackend',
      OIDC_RS_AUDIENCE_CLAIM: 'client_id',
      OIDC_RS_ALLOWED_AUDIENCES: [],
      OIDC_RS_SCOPES: [],
      OIDC_RS_SIGNING_ALGO: 'ES256',
      OIDC_RS_ENCRYPTION_KEY_TYPE: 'RSA',
      OIDC_RS_ENCRYPTION_ALGO: 'RSA-OAEP',
      OIDC_RS_ENCRYPTION_ENCODING: 'A256GCM',
      OIDC_OP_USER_ENDPOINT_FORMAT: 'AUTO',
      OIDC_VERIFY_SSL: true,
      OIDC_TIMEOUT: 5,
      OIDC_RS_CLOCK_TOLERANCE: 5,
      OIDC_RS_REALM: 'api',
      OIDC_RS_BASE64_TOKENS: false,
      OIDC_RS_REQUIRE_TOKEN_TYPE: true,
      OIDC_RS_REQUIRE_ISSUER: false,
    });
  });

  it('lets the environment win over defaults, and the caller over the environment', () => {
    const env = { OIDC_RS_REALM: 'from env', OIDC_TIMEOUT: '2', OIDC_RS_SCOPES: 'a' };
    const { settings } = readSettings({ env, settings: { OIDC_TIMEOUT: 3, OIDC_RS_SCOPES: undefined } });
    expect(settings).toMatchObject({ OIDC_RS_REALM: 'from env', OIDC_TIMEOUT: 3, OIDC_RS_SCOPES: ['a'] });
  });

  it('does not look at what the caller has overridden', () => {
    const env = { OIDC_TIMEOUT: 'wrong', OIDC_RS_CLIENT_SECRET_FILE: '/does/not/exist' };
    const settings = { OIDC_TIMEOUT: 3, OIDC_RS_CLIENT_SECRET: 'right' };
    expect(readSettings({ env, settings }).problems).toEqual([]);
  });

  it('reads process.env where no environment is passed, and only the passed one otherwise', () => {
    process.env['OIDC_RS_REALM'] = 'of the process';
    try {
      expect(readSettings().settings.OIDC_RS_REALM).toBe('of the process');
      expect(readSettings({ env: {} }).settings.OIDC_RS_REALM).toBe('api');
    } finally {
      delete process.env['OIDC_RS_REALM'];
    }
  });

  it('takes from the caller text as well as values', () => {
    const text: SettingsInput = {
      OIDC_TIMEOUT: '1.5',
      OIDC_RS_SCOPES: "['a', 'b']",
      OIDC_RS_BASE64_TOKENS: 'on',
    };
    const values: SettingsInput = {
      OIDC_TIMEOUT: 1.5,
      OIDC_RS_SCOPES: ['a', 'b'],
      OIDC_RS_BASE64_TOKENS: true,
    };
    expect(readSettings({ env: {}, settings: text })).toEqual(readSettings({ env: {}, settings: values }));
    expect(readSettings({ env: {}, settings: values }).problems).toEqual([]);
  });

  it('takes a secret as text or as a Secret', () => {
    for (const OIDC_RS_CLIENT_SECRET of ['s3cret', new Secret('s3cret')]) {
      const { settings } = readSettings({ env: {}, settings: { OIDC_RS_CLIENT_SECRET } });
      expect(settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('s3cret');
    }
  });
});

describe('the client of the login module', () => {
  const login = { OIDC_RP_CLIENT_ID: 'login', OIDC_RP_CLIENT_SECRET: 'login secret' };

  it('stands in for a resource server client that is not set', () => {
    const { settings } = readSettings({ env: login });
    expect(settings.OIDC_RS_CLIENT_ID).toBe('login');
    expect(settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('login secret');
  });

  it('gives way to one that is', () => {
    const env = { ...login, OIDC_RS_CLIENT_ID: 'api', OIDC_RS_CLIENT_SECRET: 'api secret' };
    const { settings } = readSettings({ env });
    expect(settings.OIDC_RS_CLIENT_ID).toBe('api');
    expect(settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('api secret');
    expect(settings.OIDC_RP_CLIENT_SECRET?.reveal()).toBe('login secret');
  });

  it('is not judged where it is not used', () => {
    const env = { OIDC_RS_CLIENT_ID: 'api', OIDC_RS_CLIENT_SECRET: 's', OIDC_RP_CLIENT_SECRET: '' };
    const { problems, invalid, settings } = readSettings({ env });
    expect(problems).toEqual([]);
    expect([...invalid]).toEqual([]);
    expect(settings.OIDC_RP_CLIENT_SECRET).toBeUndefined();
  });

  it('is blamed once when it is used and wrong', () => {
    const env = { OIDC_OP_URL: 'https://a.example', OIDC_OP_INTROSPECTION_ENDPOINT: 'https://a.example/i' };
    const problems = allProblems({ env: { ...env, OIDC_RP_CLIENT_ID: 'login', OIDC_RP_CLIENT_SECRET: ' ' } });
    expect(problems).toEqual([expect.stringMatching(/^OIDC_RP_CLIENT_SECRET is blank/)]);
  });

  it('is not borrowed from for a resource server client that is wrong', () => {
    const { settings, problems } = readSettings({ env: { ...login, OIDC_RS_CLIENT_SECRET: '' } });
    expect(problems).toEqual([expect.stringMatching(/^OIDC_RS_CLIENT_SECRET is blank/)]);
    expect(settings.OIDC_RS_CLIENT_SECRET).toBeUndefined();
  });
});

describe('what is not there', () => {
  const env = { OIDC_OP_URL: 'https://a.example', OIDC_RS_CLIENT_ID: 'api' };

  it('is reported by who needs it, with an example', () => {
    const reading = readSettings({ env });
    expect(
      missingSettings(reading, ['OIDC_OP_URL', 'OIDC_OP_JWKS_ENDPOINT', 'OIDC_OP_JWKS_ENDPOINT'], 'It'),
    ).toEqual(['OIDC_OP_JWKS_ENDPOINT is missing; It needs it, for example https://auth.example.com/jwks']);
    expect(missingSettings(readSettings({ env: {} }), ['OIDC_RS_CLIENT_ID'], 'It')).toEqual([
      'OIDC_RS_CLIENT_ID is missing, and so is OIDC_RP_CLIENT_ID, which is read too; It needs it, for example my-api',
    ]);
  });

  it('is not reported twice when it is there and wrong', () => {
    const reading = readSettings({ env: { ...env, OIDC_OP_URL: 'auth' } });
    expect(reading.invalid.has('OIDC_OP_URL')).toBe(true);
    expect(missingSettings(reading, ['OIDC_OP_URL'], 'It')).toEqual([]);
  });

  it('may be missing while the resource server is switched off; what is wrong is still reported', () => {
    expect(allProblems({ env: { OIDC_RESOURCE_SERVER_ENABLED: 'False' } })).toEqual([]);
    expect(allProblems({ env: { OIDC_RESOURCE_SERVER_ENABLED: 'False', OIDC_TIMEOUT: '-1' } })).toEqual([
      expect.stringMatching(/^OIDC_TIMEOUT /),
    ]);
  });
});

describe('problems', () => {
  const wrong = {
    OIDC_OP_URL: 'https://auth.example.com/?tenant=PLAINLY-WRONG',
    OIDC_OP_JWKS_ENDPOINT: 'https://user:PLAINLY-WRONG@auth.example.com/jwks',
    OIDC_OP_TOKEN_ENDPOINT: 'PLAINLY-WRONG',
    OIDC_RS_CLIENT_ID: '"PLAINLY-WRONG"',
    OIDC_RS_CLIENT_SECRET: ' ',
    OIDC_RS_PRIVATE_KEY_STR: 'PLAINLY-WRONG',
    OIDC_RS_SCOPES: '["PLAINLY-WRONG"',
    OIDC_RS_ALLOWED_AUDIENCES: "'PLAINLY-WRONG'",
    OIDC_RS_SIGNING_ALGO: 'PLAINLY-WRONG',
    OIDC_TIMEOUT: '-1',
    OIDC_PROXY: 'ftp://user:PLAINLY-WRONG@proxy',
    OIDC_CA: 'PLAINLY-WRONG',
    OIDC_VERIFY_SSL: 'PLAINLY-WRONG',
    OIDC_RS_REALM: 'PLAINLY-WRONG"',
    OIDC_RS_SCOPE: 'PLAINLY-WRONG',
  };

  it('reports every problem at once, names not values (X6)', () => {
    for (const options of [{ env: wrong }, { env: {}, settings: wrong as SettingsInput }]) {
      const { problems, invalid } = readSettings(options);
      expect(problems.map((problem) => /^\w+/.exec(problem)?.[0]).sort()).toEqual(Object.keys(wrong).sort());
      expect(invalid.size).toBe(Object.keys(wrong).length - 1);
      expect(problems.join()).not.toContain('PLAINLY-WRONG');
    }
  });

  it('throws them together in one ConfigurationError (X6)', () => {
    expect(() => loadSettings({ env: wrong })).toThrow(ConfigurationError);
    try {
      loadSettings({ env: wrong });
    } catch (error) {
      expect((error as ConfigurationError).problems).toEqual(readSettings({ env: wrong }).problems);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('PLAINLY-WRONG');
    }
    expect(loadSettings({ env: {} })).toEqual(readSettings({ env: {} }).settings);
  });

  it('are sentences on one line, each with the name first and the example of a right value (X6)', () => {
    for (const name of Object.keys(settingsSchema) as SettingName[]) {
      const settings = { [name]: { not: ['a', 'value'] } } as unknown as SettingsInput;
      const { problems } = readSettings({ env: {}, settings });
      expect(problems, name).toHaveLength(1);
      expect(problems[0]).toMatch(new RegExp(`^${name} .+; a right value is, for example, .+$`));
      expect(problems[0]).toContain(settingsSchema[name].example);
      expect(problems[0]).not.toContain('\n');
    }
  });

  it.each(['undefined', 'null', 'None', ' undefined '])(
    'refuses the text "%s" for every setting (X6)',
    (text) => {
      for (const name of Object.keys(settingsSchema) as SettingName[]) {
        const { problems } = readSettings({ env: { [name]: text } });
        expect(problems, name).toEqual([
          expect.stringMatching(new RegExp(`^${name} is the text "${text.trim()}"`)),
        ]);
      }
    },
  );

  it.each([null, 1n, Symbol('x'), () => 1, new Date(), NaN, { reveal: 1 }, [[]], [null], [1]])(
    'reports %o as a value of the caller, and does not throw (X6)',
    (value) => {
      for (const name of Object.keys(settingsSchema)) {
        const { problems } = readSettings({ env: {}, settings: { [name]: value } });
        expect(problems, name).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
      }
    },
  );

  it('leave the default in place', () => {
    const { settings } = readSettings({ env: wrong });
    expect(settings).toMatchObject({ OIDC_TIMEOUT: 5, OIDC_VERIFY_SSL: true, OIDC_RS_SCOPES: [] });
    expect(settings.OIDC_OP_URL).toBeUndefined();
  });

  it('give an example that is right itself, for all but keys and certificates', () => {
    for (const name of Object.keys(settingsSchema) as SettingName[]) {
      if (settingsSchema[name].example.includes('-----')) continue;
      expect(readSettings({ env: { [name]: settingsSchema[name].example } }), name).toMatchObject({
        problems: [],
        warnings: [],
      });
    }
  });
});

describe('blanks', () => {
  it('are a problem as a secret or a key (X6)', () => {
    for (const name of ['OIDC_RS_CLIENT_SECRET', 'OIDC_RP_CLIENT_SECRET', 'OIDC_RS_PRIVATE_KEY_STR']) {
      for (const blank of ['', ' ', '\n']) {
        expect(readSettings({ env: { [name]: blank } }).problems).toEqual([
          expect.stringMatching(new RegExp(`^${name} is blank; `)),
        ]);
      }
    }
  });

  it('mean that it is not set for all others in the environment', () => {
    const names = (Object.keys(settingsSchema) as SettingName[]).filter(
      (name) => !/CLIENT_SECRET|PRIVATE_KEY/.test(name),
    );
    for (const blank of ['', '  ']) {
      const env = Object.fromEntries(names.map((name) => [name, blank]));
      expect(readSettings({ env })).toEqual(readSettings({ env: {} }));
    }
  });

  it('are a value like any other from the caller', () => {
    const settings = { OIDC_RS_SCOPES: '', OIDC_OP_URL: '' };
    expect(readSettings({ env: {}, settings }).problems).toEqual([
      expect.stringMatching(/^OIDC_OP_URL must be/),
    ]);
  });

  it('around a secret are kept, and warned about', () => {
    for (const name of ['OIDC_RS_CLIENT_SECRET', 'OIDC_RP_CLIENT_SECRET']) {
      for (const secret of ['s3cret\n', ' s3cret', '"s3cret"']) {
        const { settings, warnings, problems } = readSettings({ env: { [name]: secret } });
        expect(problems).toEqual([]);
        expect(settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe(secret);
        expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${name} begins or ends with a blank`))]);
        expect(warnings.join()).not.toContain('s3cret');
      }
    }
  });
});

describe('the way to the authorization server', () => {
  const names = [
    'OIDC_OP_URL',
    'OIDC_OP_INTROSPECTION_ENDPOINT',
    'OIDC_OP_JWKS_ENDPOINT',
    'OIDC_OP_TOKEN_ENDPOINT',
    'OIDC_OP_USER_ENDPOINT',
  ] as const;
  const far = [
    'http://auth.example.com/',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'HTTP://A',
  ];
  const near = [
    'http://localhost',
    'http://localhost:8080/x',
    'http://127.0.0.1/',
    'http://127.8.9.1',
    'http://[::1]:1/',
  ];

  it('is warned about where it is plain http to another machine (A14)', () => {
    for (const name of names) {
      for (const url of far) {
        const { settings, problems, warnings } = readSettings({ env: { [name]: url } });
        expect(problems).toEqual([]);
        expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${name} is an http:// URL.*example`))]);
        expect(settings[name]).toBe(url);
      }
    }
  });

  it('is refused there in production (A14, X6)', () => {
    for (const name of names) {
      for (const url of far) {
        const { settings, problems, warnings, invalid } = readSettings({
          env: { [name]: url, NODE_ENV: 'production' },
        });
        expect(problems).toEqual([
          expect.stringMatching(new RegExp(`^${name} is an http:// URL.*production.*example`)),
        ]);
        expect(warnings).toEqual([]);
        expect([...invalid]).toEqual([name]);
        expect(settings[name]).toBeUndefined();
      }
    }
  });

  it('may be plain http to this machine, in production too (A14)', () => {
    for (const url of near) {
      const reading = readSettings({ env: { OIDC_OP_URL: url, NODE_ENV: 'production' } });
      expect(reading).toMatchObject({ problems: [], warnings: [], settings: { OIDC_OP_URL: url } });
    }
  });

  it('is warned about without verification, and refused in production (A4)', () => {
    expect(readSettings({ env: { OIDC_VERIFY_SSL: 'false' } })).toMatchObject({
      settings: { OIDC_VERIFY_SSL: false },
      problems: [],
      warnings: [expect.stringMatching(/^OIDC_VERIFY_SSL is false/)],
    });
    for (const options of [
      { env: { OIDC_VERIFY_SSL: 'off', NODE_ENV: 'production' } },
      { env: { NODE_ENV: 'production' }, settings: { OIDC_VERIFY_SSL: false } },
    ]) {
      expect(readSettings(options)).toMatchObject({
        settings: { OIDC_VERIFY_SSL: true },
        problems: [expect.stringMatching(/^OIDC_VERIFY_SSL is false.*production/)],
        warnings: [],
      });
    }
  });

  it('takes NODE_ENV from the environment that is passed', () => {
    process.env['NODE_ENV_BEFORE'] = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      expect(readSettings({ env: { OIDC_VERIFY_SSL: '0' } }).problems).toEqual([]);
    } finally {
      process.env['NODE_ENV'] = process.env['NODE_ENV_BEFORE'];
      delete process.env['NODE_ENV_BEFORE'];
    }
  });
});

describe('the settings object', () => {
  const settings = loadSettings({
    env: { OIDC_RS_SCOPES: 'a', OIDC_PROXY: 'http://u:PASSWORD@proxy:3128', OIDC_RS_PRIVATE_KEY_STR: KEY },
    settings: { OIDC_RS_CLIENT_SECRET: 'PASSWORD', OIDC_RP_CLIENT_SECRET: 'PASSWORD' },
  });

  it('is frozen, with its lists', () => {
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.OIDC_RS_SCOPES)).toBe(true);
    expect(Object.isFrozen(settings.OIDC_RS_ALLOWED_AUDIENCES)).toBe(true);
    const { settings: afterProblem } = readSettings({ env: { OIDC_RS_SCOPES: '[' } });
    expect(Object.isFrozen(afterProblem.OIDC_RS_SCOPES)).toBe(true);
  });

  it('does not change with what the caller passed', () => {
    const scopes = ['a'];
    const own = loadSettings({ env: {}, settings: { OIDC_RS_SCOPES: scopes } });
    scopes.push('b');
    expect(own.OIDC_RS_SCOPES).toEqual(['a']);
  });

  it('shows no secret when it is printed (E1)', () => {
    for (const shown of [JSON.stringify(settings), inspect(settings, { depth: 9, showHidden: true })]) {
      expect(shown).toContain('[secret]');
      expect(shown).not.toContain('PASSWORD');
      expect(shown).not.toContain('PRIVATE KEY-----');
    }
  });

  it('is typed by the schema', () => {
    expectTypeOf<Settings['OIDC_TIMEOUT']>().toEqualTypeOf<number>();
    expectTypeOf<Settings['OIDC_RS_SCOPES_MATCH']>().toEqualTypeOf<'any' | 'all'>();
    expectTypeOf<Settings['OIDC_RS_SCOPES']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Settings['OIDC_OP_URL']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Settings['OIDC_RS_REALM']>().toEqualTypeOf<string>();
    expectTypeOf<Settings['OIDC_RS_CLIENT_SECRET']>().toEqualTypeOf<Secret | undefined>();
    expectTypeOf<SettingsInput['OIDC_VERIFY_SSL']>().toEqualTypeOf<string | boolean | undefined>();
    expectTypeOf<SettingsInput>().toHaveProperty('OIDC_RS_CLIENT_SECRET_FILE');
    expectTypeOf<SettingsInput>().not.toHaveProperty('OIDC_RS_CLIENT_ID_FILE');
  });
});

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
