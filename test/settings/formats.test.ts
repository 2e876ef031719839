import { describe, expect, it } from 'vitest';

import { readSettings, type SettingName } from '../../src/settings.ts';

/** What a setting becomes, from the environment and, being text, the same from the caller. */
function value(name: SettingName, text: string): unknown {
  const fromEnvironment = readSettings({ env: { [name]: text } });
  const fromCaller = readSettings({ env: {}, settings: { [name]: text } });
  expect(fromEnvironment.problems).toEqual([]);
  expect(fromCaller).toEqual(fromEnvironment);
  return fromEnvironment.settings[name];
}

function problem(name: SettingName, written: unknown): string {
  const { problems, invalid } = readSettings({ env: {}, settings: { [name]: written } });
  if (typeof written === 'string' && written !== '') {
    expect(readSettings({ env: { [name]: written } }).problems).toEqual(problems);
  }
  expect(problems, String(written)).toHaveLength(1);
  expect([...invalid]).toEqual([name]);
  expect(problems[0]).toMatch(new RegExp(`^${name} `));
  return problems[0] ?? '';
}

describe('switches (X6)', () => {
  it.each(['true', 'True', 'TRUE', '1', 'yes', 'YES', 'on', ' on '])('reads "%s" as true', (text) => {
    expect(value('OIDC_RS_BASE64_TOKENS', text)).toBe(true);
  });

  it.each(['false', 'False', '0', 'no', 'No', 'off', 'OFF '])('reads "%s" as false', (text) => {
    expect(value('OIDC_RS_REQUIRE_TOKEN_TYPE', text)).toBe(false);
  });

  it.each(['y', 't', 'f', '2', '-1', 'truee', 'enabled', '""', 1, 0, [], ['true']])(
    'refuses %o',
    (written) => {
      problem('OIDC_VERIFY_SSL', written);
    },
  );
});

describe('numbers (X6)', () => {
  it.each([
    ['OIDC_TIMEOUT', '5', 5],
    ['OIDC_TIMEOUT', '0.01', 0.01],
    ['OIDC_TIMEOUT', '2.5', 2.5],
    ['OIDC_TIMEOUT', ' 60 ', 60],
    ['OIDC_RS_CLOCK_TOLERANCE', '0', 0],
    ['OIDC_RS_CLOCK_TOLERANCE', '60', 60],
    ['OIDC_RS_CLOCK_TOLERANCE', '007', 7],
  ] as const)('reads %s=%s', (name, text, number) => {
    expect(value(name, text)).toBe(number);
  });

  it.each([
    '0',
    '0.001',
    '-1',
    '60.1',
    '61',
    '5s',
    '5 s',
    '1e1',
    '0x5',
    '+5',
    '.5',
    '5.',
    '5,5',
    'Infinity',
    'NaN',
  ])('refuses OIDC_TIMEOUT=%s', (text) => {
    problem('OIDC_TIMEOUT', text);
  });

  it.each([0, -1, 61, Infinity, NaN, true, [5]])('refuses OIDC_TIMEOUT: %o', (written) => {
    problem('OIDC_TIMEOUT', written);
  });

  it.each(['-1', '61', '2.5', '5s', '5.0', 2.5, -1])('refuses OIDC_RS_CLOCK_TOLERANCE %o', (written) => {
    problem('OIDC_RS_CLOCK_TOLERANCE', written);
  });
});

describe('choices', () => {
  it.each([
    ['OIDC_RS_SIGNING_ALGO', ['RS256', 'RS512', 'PS384', 'ES256', 'ES512', 'EdDSA', 'Ed25519']],
    ['OIDC_RS_ENCRYPTION_KEY_TYPE', ['RSA', 'EC', 'OKP']],
    ['OIDC_RS_ENCRYPTION_ALGO', ['RSA-OAEP', 'RSA-OAEP-512', 'ECDH-ES', 'ECDH-ES+A256KW']],
    [
      'OIDC_RS_ENCRYPTION_ENCODING',
      ['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512', 'A128GCM', 'A256GCM'],
    ],
    ['OIDC_RS_SCOPES_MATCH', ['any', 'all']],
    ['OIDC_OP_USER_ENDPOINT_FORMAT', ['AUTO', 'JSON', 'JWT']],
    ['OIDC_RS_CLIENT_AUTH_METHOD', ['auto', 'client_secret_basic', 'client_secret_post']],
  ] as const)('reads %s', (name, texts) => {
    for (const text of texts) {
      expect(value(name, text)).toBe(text);
      expect(value(name, ` ${text}`)).toBe(text);
    }
  });

  it.each([
    ['OIDC_RS_SIGNING_ALGO', ['HS256', 'none', 'es256', 'RS256,ES256', 'ES256K', 1, ['ES256']]],
    ['OIDC_RS_ENCRYPTION_ALGO', ['RSA1_5', 'dir', 'A256KW', 'RSA-OAEP-1']],
    ['OIDC_RS_ENCRYPTION_KEY_TYPE', ['oct', 'rsa']],
    ['OIDC_RS_ENCRYPTION_ENCODING', ['A256', 'none']],
    ['OIDC_RS_SCOPES_MATCH', ['Any', 'some', 'toString']],
    ['OIDC_OP_USER_ENDPOINT_FORMAT', ['auto']],
    ['OIDC_RS_CLIENT_AUTH_METHOD', ['none', 'private_key_jwt']],
  ] as const)('refuses another %s, and says what there is', (name, wrongs) => {
    for (const wrong of wrongs) expect(problem(name, wrong)).toMatch(/ must be one of \w+.*, /);
  });
});

describe('lists (X6)', () => {
  it.each([
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    ['a b', ['a', 'b']],
    [' a , b\n c,', ['a', 'b', 'c']],
    ['[]', []],
    ['()', []],
    ['["a","b"]', ['a', 'b']],
    ["['a','b']", ['a', 'b']],
    ['["groups"]', ['groups']],
    ['[ \'a\' , "b", ]', ['a', 'b']],
    ['("a",)', ['a']],
    ["('a', 'b')", ['a', 'b']],
    ["[\n  'a',\n  'b',\n]", ['a', 'b']],
    ['["https:\\/\\/a.example"]', ['https://a.example']],
  ])('reads %s', (text, items) => {
    expect(value('OIDC_RS_ALLOWED_AUDIENCES', text)).toEqual(items);
  });

  it.each([
    '[',
    ']',
    '(',
    '["a"',
    '"a"]',
    "['a')",
    "('a']",
    '[a, b]',
    "['a' 'b']",
    "['a',,'b']",
    '[,]',
    "['a'],",
    "['a'] ['b']",
    '"a"',
    "'a','b'",
    '{"a": 1}',
    '["a", 1]',
    '[["a"]]',
    '[null]',
    '["undefined"]',
    '["a", ""]',
    "[' a']",
    'a,undefined',
    'null b',
  ])('refuses %s', (text) => {
    problem('OIDC_RS_ALLOWED_AUDIENCES', text);
  });

  it.each([[['']], [[' ']], [[' a']], [['a\n']], [['a', 1]], [['undefined']], [{ 0: 'a' }], [5], [true]])(
    'refuses the value %o',
    (written) => {
      problem('OIDC_RS_ALLOWED_AUDIENCES', written);
    },
  );

  it('says which item is wrong, not what it is', () => {
    expect(problem('OIDC_RS_SCOPES', ['right', 'wr"ong'])).toMatch(
      /^OIDC_RS_SCOPES has an item \(number 2\) that is not a scope/,
    );
  });

  it('keeps an item of an array whole', () => {
    const { settings } = readSettings({
      env: {},
      settings: { OIDC_RS_ALLOWED_AUDIENCES: ['my app', 'a,b'] },
    });
    expect(settings.OIDC_RS_ALLOWED_AUDIENCES).toEqual(['my app', 'a,b']);
  });

  it('asks of scopes the grammar of RFC 6749', () => {
    expect(value('OIDC_RS_SCOPES', '! a:b https://a.example/b')).toEqual(['!', 'a:b', 'https://a.example/b']);
    expect(value('OIDC_RS_SCOPES', '["[~]#"]')).toEqual(['[~]#']);
    for (const scope of ['a"b', 'a\\b', 'a b', 'é', 'a\u007fb', '', 'a\nb'])
      problem('OIDC_RS_SCOPES', [scope]);
  });
});

describe('URLs (A14, X6)', () => {
  it.each([
    'https://auth.example.com',
    'https://auth.example.com/',
    'https://auth.example.com/realms/a',
    'https://auth.example.com:8443/realms/a//b/../c/',
    'https://Auth.Example.com/%7Ea',
    'HTTPS://auth.example.com',
    'https://[2001:db8::1]/',
  ])('keeps %s exactly as it is written', (url) => {
    expect(value('OIDC_OP_URL', url)).toBe(url);
    expect(value('OIDC_OP_INTROSPECTION_ENDPOINT', url)).toBe(url);
  });

  it.each([
    'auth.example.com',
    '/token',
    'ftp://auth.example.com',
    'https:auth.example.com',
    'https:/auth.example.com',
    'https:\\\\auth.example.com',
    'https://auth.example.com\\x',
    'https://',
    'https://auth.example.com:99999',
    'https://auth example.com',
    'https://auth.example.com/a b',
    'https://auth.exam\nple.com',
    'https://${HOST}/token',
    '<url>',
    '"https://auth.example.com"',
    'https://exämple.com',
    'https://user@auth.example.com',
    'https://user:password@auth.example.com',
    'https://@auth.example.com',
    'https://auth.example.com/#a',
    'https://auth.example.com#',
    'javascript:alert(1)',
    'file:///etc/passwd',
    new URL('https://auth.example.com'),
    5,
    ['https://auth.example.com'],
  ])('refuses %s', (url) => {
    problem('OIDC_OP_URL', url);
    problem('OIDC_OP_JWKS_ENDPOINT', url);
  });

  it('allows a query in an endpoint and not in the issuer', () => {
    expect(value('OIDC_OP_TOKEN_ENDPOINT', 'https://a.example/token?p=b2c_1')).toBe(
      'https://a.example/token?p=b2c_1',
    );
    expect(problem('OIDC_OP_URL', 'https://a.example/?')).toMatch(/query/);
  });

  it.each(['http://proxy:3128', 'http://proxy:3128/', 'https://user:p%40ss@proxy.example.com'])(
    'reads the proxy %s, without a warning',
    (url) => {
      const { settings, problems, warnings } = readSettings({
        env: { OIDC_PROXY: url, NODE_ENV: 'production' },
      });
      expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
      expect(settings.OIDC_PROXY?.reveal()).toBe(url);
    },
  );

  it.each([
    'proxy:3128',
    'socks5://proxy',
    'http://proxy/path',
    'http://proxy?a',
    "{'http': 'http://proxy'}",
  ])('refuses the proxy %s', (url) => {
    problem('OIDC_PROXY', url);
  });
});

describe('text', () => {
  it.each([
    ['OIDC_RS_REALM', 'my api, v2!'],
    ['OIDC_RS_AUDIENCE_CLAIM', 'azp'],
    ['OIDC_RS_AUDIENCE_CLAIM', 'https://example.com/claims/app'],
    ['OIDC_RS_RESOURCE', 'https://api.example.com/'],
    ['OIDC_RS_CLIENT_ID', 'my api (test)'],
    ['OIDC_RS_BACKEND_CLASS', './my backends/team.js#TeamBackend'],
  ] as const)('reads %s=%s', (name, text) => {
    expect(value(name, text)).toBe(text);
  });

  it.each([
    ['OIDC_RS_REALM', 'a"b'],
    ['OIDC_RS_REALM', 'a\\b'],
    ['OIDC_RS_REALM', 'a\r\nX-Injected: 1'],
    ['OIDC_RS_REALM', 'é'],
    ['OIDC_RS_REALM', 5],
    ['OIDC_RS_AUDIENCE_CLAIM', '"client_id"'],
    ['OIDC_RS_AUDIENCE_CLAIM', 'client_id  # the claim'],
    ['OIDC_RS_RESOURCE', 'a\u0000b'],
    ['OIDC_RS_CLIENT_ID', '"api"'],
    ['OIDC_RS_CLIENT_ID', 'a\nb'],
    ['OIDC_RS_BACKEND_CLASS', "'A'"],
    ['OIDC_RS_CLIENT_SECRET', 5],
  ] as const)('refuses %s %o', (name, written) => {
    problem(name, written);
  });
});
