import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { ConfigurationError } from '../../src/errors.ts';
import {
  loadSettings,
  readSettings,
  settingsSchema,
  type SettingName,
  type SettingsInput,
} from '../../src/settings.ts';

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
    for (const name of [
      'OIDC_RS_CLIENT_SECRET',
      'OIDC_RP_CLIENT_SECRET',
      'OIDC_RS_CACHE_SECRET',
      'OIDC_RS_PRIVATE_KEY_STR',
    ]) {
      for (const blank of ['', ' ', '\n']) {
        expect(readSettings({ env: { [name]: blank } }).problems).toEqual([
          expect.stringMatching(new RegExp(`^${name} is blank; `)),
        ]);
      }
    }
  });

  it('mean that it is not set for all others in the environment', () => {
    const names = (Object.keys(settingsSchema) as SettingName[]).filter(
      (name) => !/_SECRET$|PRIVATE_KEY/.test(name),
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
