import { describe, expect, it } from 'vitest';

import { LOGIN_SETTINGS } from '../../src/settings/names.ts';
import { readSettings, settingsSchema, type SettingsInput } from '../../src/settings.ts';

const inEnvironment = (name: string): { problems: readonly string[]; warnings: readonly string[] } => {
  const { problems, warnings } = readSettings({ env: { [name]: 'A-VALUE' } });
  expect([...problems, ...warnings].join()).not.toContain('A-VALUE');
  return { problems, warnings };
};
const fromCaller = (name: string): readonly string[] =>
  readSettings({ env: {}, settings: { [name]: 'A-VALUE' } }).problems;

describe('names that are not known', () => {
  it.each([
    ['OIDC_RS_SCOPE', 'OIDC_RS_SCOPES'],
    ['OIDC_RS_CLIENT', 'OIDC_RS_CLIENT_ID'],
    ['OIDC_RS_AUDIANCE_CLAIM', 'OIDC_RS_AUDIENCE_CLAIM'],
    ['OIDC_RS_ALLOWED_AUDIENCE', 'OIDC_RS_ALLOWED_AUDIENCES'],
    ['OIDC_RS_PRIVATE_KEY', 'OIDC_RS_PRIVATE_KEY_STR'],
    ['OIDC_RS_TIMEOUT', 'OIDC_TIMEOUT'],
    ['OIDC_RS_CLIENT_SECRET_FIEL', 'OIDC_RS_CLIENT_SECRET_FILE'],
  ])('stops the start for %s in the environment and names %s (X6)', (name, nearest) => {
    const expected = expect.stringMatching(
      new RegExp(`^${name} is not a setting; the nearest one is ${nearest}, for example ${nearest}=.`),
    ) as unknown;
    expect(inEnvironment(name)).toEqual({ problems: [expected], warnings: [] });
    expect(fromCaller(name)).toEqual([expected]);
  });

  it('stops the start for an OIDC_RS_ name that is like no other (X6)', () => {
    expect(inEnvironment('OIDC_RS_XYZZY').problems).toEqual([
      expect.stringMatching(/^OIDC_RS_XYZZY is not a setting/),
    ]);
  });

  it.each([
    ['scopes', 'OIDC_RS_SCOPES'],
    ['clientId', 'OIDC_RS_CLIENT_ID'],
    ['timeout', 'OIDC_TIMEOUT'],
    ['ODIC_OP_URL', 'OIDC_OP_URL'],
    ['oidc_rs_realm', 'OIDC_RS_REALM'],
  ])('stops the start for any other key of the caller: %s (X6)', (name, nearest) => {
    expect(fromCaller(name)).toEqual([
      expect.stringMatching(new RegExp(`^${name} is not a setting; the nearest one is ${nearest}, `)),
    ]);
  });

  it('shows a strange key on one line', () => {
    for (const name of ['a\nb', '', '__proto__', 'x'.repeat(5000)]) {
      const settings = JSON.parse(`{${JSON.stringify(name)}: 1}`) as SettingsInput;
      const { problems } = readSettings({ env: {}, settings });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^\S{0,90} is not a setting/);
    }
  });

  it.each([
    ['OIDC_OP_ULR', 'OIDC_OP_URL'],
    ['OIDC_OP_URI', 'OIDC_OP_URL'],
    ['OIDC_OP_INTROSPECTION_ENDPOIN', 'OIDC_OP_INTROSPECTION_ENDPOINT'],
    ['OIDC_OP_INSTROPECTION_ENDPOINT', 'OIDC_OP_INTROSPECTION_ENDPOINT'],
    ['OIDC_RP_CLIENT_SECERT', 'OIDC_RP_CLIENT_SECRET'],
    ['OIDC_TIME_OUT', 'OIDC_TIMEOUT'],
    ['OIDC_VERIFY_TLS', 'OIDC_VERIFY_SSL'],
    ['OIDC_PROXY_FIL', 'OIDC_PROXY_FILE'],
    ['ODIC_RS_SCOPES', 'OIDC_RS_SCOPES'],
    ['Oidc_Rs_Scopes', 'OIDC_RS_SCOPES'],
    ['OIDC_CAA', 'OIDC_CA'],
  ])('warns about %s in the environment and names %s', (name, nearest) => {
    expect(inEnvironment(name)).toEqual({
      problems: [],
      warnings: [
        expect.stringMatching(
          new RegExp(`^${name} is not a setting; the nearest one is ${nearest}, for example`),
        ),
      ],
    });
  });

  it.each(['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_ID', 'OIDC_XX', 'PATH', 'CA', '', 'NODE_ENV'])(
    'says nothing about %s in the environment',
    (name) => {
      expect(inEnvironment(name)).toEqual({ problems: [], warnings: [] });
    },
  );

  it('says that a setting which is no secret does not come from a file', () => {
    const expected = /^OIDC_OP_URL_FILE is not read.*set OIDC_OP_URL itself, for example OIDC_OP_URL=https:/;
    expect(inEnvironment('OIDC_OP_URL_FILE').warnings).toEqual([expect.stringMatching(expected)]);
    expect(inEnvironment('OIDC_RS_SCOPES_FILE').problems).toEqual([
      expect.stringMatching(/^OIDC_RS_SCOPES_FILE is not read.*set OIDC_RS_SCOPES itself/),
    ]);
  });
});

describe('names of the login module', () => {
  it('are passed over, from both sources', () => {
    const names = [...LOGIN_SETTINGS];
    expect(names.length).toBeGreaterThan(40);
    const values = Object.fromEntries(names.map((name) => [name, 'A-VALUE']));
    expect(readSettings({ env: values, settings: values })).toEqual(readSettings({ env: {} }));
    expect(names.filter((name) => Object.hasOwn(settingsSchema, name))).toEqual([]);
  });

  it('are not warned about when they are misspelt: they are not ours', () => {
    for (const name of ['OIDC_RP_SCOPE', 'OIDC_RP_SIGN_ALG', 'OIDC_USE_PCKE', 'OIDC_VERIFY_JWTS']) {
      expect(inEnvironment(name)).toEqual({ problems: [], warnings: [] });
    }
  });
});
