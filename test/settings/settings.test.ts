import { inspect } from 'node:util';

import { describe, expect, expectTypeOf, it } from 'vitest';

import { Secret } from '../../src/secret.ts';
import {
  loadSettings,
  missingSettings,
  readSettings,
  settingsSchema,
  type SettingName,
  type Settings,
  type SettingsInput,
} from '../../src/settings.ts';

const PEM = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';

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
    const reading = readSettings({ env: { OIDC_RP_CLIENT_ID: 'login', OIDC_RP_CLIENT_SECRET: ' ' } });
    expect(missingSettings(reading, ['OIDC_RS_CLIENT_ID', 'OIDC_RS_CLIENT_SECRET'], 'It')).toEqual([]);
    expect(reading.problems).toEqual([expect.stringMatching(/^OIDC_RP_CLIENT_SECRET is blank/)]);
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
    const reading = readSettings({ env: { OIDC_RESOURCE_SERVER_ENABLED: 'False', OIDC_TIMEOUT: '-1' } });
    expect(missingSettings(reading, ['OIDC_OP_URL', 'OIDC_RS_CLIENT_ID'], 'It')).toEqual([]);
    expect(reading.problems).toEqual([expect.stringMatching(/^OIDC_TIMEOUT /)]);
  });
});

describe('the settings object', () => {
  const settings = loadSettings({
    env: { OIDC_RS_SCOPES: 'a', OIDC_PROXY: 'http://u:PASSWORD@proxy:3128', OIDC_RS_PRIVATE_KEY_STR: PEM },
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
