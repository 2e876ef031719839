import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { envLine } from '../../src/cli/env-file.ts';
import { readPythonValue } from '../../src/cli/migrate/python-value.ts';
import { readSettings } from '../../src/settings.ts';
import { oidcRs } from '../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-migrate-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

const MODULE = `
"""
OIDC_RS_SCOPES = ["in a docstring"]
"""
from configurations import Configuration, values

class Base(Configuration):
    # OIDC_OP_URL = "https://in-a-comment.example.com"
    OIDC_OP_URL = values.Value(None, environ_name="OIDC_OP_URL", environ_prefix=None)
    OIDC_OP_INTROSPECTION_ENDPOINT = values.Value(
        "https://auth.example.com/introspect", environ_name="OIDC_OP_INTROSPECTION_ENDPOINT", environ_prefix=None
    )
    OIDC_RS_CLIENT_ID = values.Value("my-api")
    OIDC_RS_CLIENT_SECRET = SecretFileValue(None, environ_name="OIDC_RS_CLIENT_SECRET", environ_prefix=None)
    OIDC_RS_BACKEND_CLASS = "lasuite.oidc_resource_server.backend.ResourceServerBackend"
    OIDC_RS_SCOPES: list[str] = [
        "groups",  # the first
        'profile',
    ]
    OIDC_RS_ALLOWED_AUDIENCES = ("web-app", r"mobile-app",)
    OIDC_TIMEOUT = 3
    OIDC_VERIFY_SSL = "/etc/ssl/own.pem"
    OIDC_PROXY = {"http": "http://proxy.example.com:3128", "https": "http://secure-proxy.example.com:3128"}
    OIDC_RS_ENCRYPTION_KEY_TYPE = compute_key_type()
    OIDC_CREATE_USER = True
    OIDC_STORE_ACCESS_TOKEN = False
    OIDC_USE_PKCE = True
    USER_OIDC_FIELDS_TO_FULLNAME = ["given_name", "usual_name"]
    OIDC_RS_AUDIENCE_CLAIMS = "client_id"
    DEBUG = False

class Test(Base):
    OIDC_TIMEOUT = 1
`;

describe('oidc-rs migrate', () => {
  it('reads a settings module together with the .env that goes with it', async () => {
    const module = fileOf('settings.py', MODULE);
    const env = fileOf(
      'production.env',
      'export OIDC_OP_URL=https://auth.example.com\nDJANGO_OIDC_RS_CLIENT_ID=the-real-api\n' +
        'OIDC_RS_CLIENT_SECRET="it\'s $ecret #1"\nDATABASE_PASSWORD=elsewhere\n',
    );
    const { code, out, err } = await oidcRs(['migrate', module, env]);
    expect(out.replaceAll(`${folder}/`, '')).toMatchInlineSnapshot(`
      "# Settings of oidc-resource-server, made of settings.py, production.env
      OIDC_RS_CLIENT_ID=the-real-api
      OIDC_OP_URL=https://auth.example.com
      OIDC_RS_CLIENT_SECRET="it's $ecret #1"
      OIDC_OP_INTROSPECTION_ENDPOINT=https://auth.example.com/introspect
      OIDC_RS_BACKEND_CLASS=lasuite.oidc_resource_server.backend.ResourceServerBackend
      OIDC_RS_SCOPES=groups,profile
      OIDC_RS_ALLOWED_AUDIENCES=web-app,mobile-app
      OIDC_TIMEOUT=3
      OIDC_CA_FILE=/etc/ssl/own.pem
      OIDC_PROXY=http://secure-proxy.example.com:3128
      OIDC_USERINFO_FULLNAME_FIELDS=given_name,usual_name
      OIDC_RS_CLIENT_AUTH_METHOD=client_secret_post
      # OIDC_OP_INTROSPECTION_ENDPOINT: this is what line 10 of settings.py falls back to. In production OIDC_OP_INTROSPECTION_ENDPOINT may say otherwise.
      # OIDC_TIMEOUT is set in line 21 of settings.py and again in line 33: that of line 21 was taken. See that it is the one of production.
      # OIDC_VERIFY_SSL was a path; here it is OIDC_CA_FILE.
      # OIDC_PROXY had several proxies; the one for https was taken.
      # OIDC_FIELDS_TO_FULLNAME is OIDC_USERINFO_FULLNAME_FIELDS here.
      # OIDC_RS_CLIENT_AUTH_METHOD: the original sends the client secret in the body. When nothing is left in Django, take the line away: HTTP Basic is then tried first.
      #
      # Not carried over (see docs/guides/migrating-from-django-lasuite.md):
      # OIDC_RS_ENCRYPTION_KEY_TYPE: line 24 of settings.py takes Python to read. Ask Django for the value (python manage.py shell) and write it here.
      # OIDC_CREATE_USER: it is the login's. Here OIDC_RS_CREATE_USER=true creates people, and nobody is created without it.
      # OIDC_RS_AUDIENCE_CLAIMS: neither this package nor the original has it. Is OIDC_RS_AUDIENCE_CLAIM meant?
      # OIDC_STORE_ACCESS_TOKEN, OIDC_USE_PKCE: people log in elsewhere.
      "
    `);
    expect(err).toMatchInlineSnapshot(`
      "12 settings carried over, 4 not: see the comments.
      OIDC_CA comes from OIDC_CA_FILE, and that file cannot be read (ENOENT): /etc/ssl/own.pem; a right value is, for example, -----BEGIN CERTIFICATE-----\\nMIIB…\\n-----END CERTIFICATE-----
      "
    `);
    expect(code).toBe(1); // the file of the authority is not on this machine
    const reading = readSettings({ env: { ...parseEnv(out), OIDC_CA_FILE: undefined } });
    expect(reading.problems).toEqual([]);
    expect(reading.settings).toMatchObject({
      OIDC_OP_URL: 'https://auth.example.com',
      OIDC_RS_CLIENT_ID: 'the-real-api',
      OIDC_RS_SCOPES: ['groups', 'profile'],
      OIDC_RS_ALLOWED_AUDIENCES: ['web-app', 'mobile-app'],
      OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_post',
      OIDC_TIMEOUT: 3,
      OIDC_USERINFO_FULLNAME_FIELDS: ['given_name', 'usual_name'],
    });
    expect(reading.settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe("it's $ecret #1");
    expect(reading.settings.OIDC_PROXY?.reveal()).toBe('http://secure-proxy.example.com:3128');
  });

  it('says which variable of the environment is needed when it is given the module alone', async () => {
    const { code, out, err } = await oidcRs(['migrate', fileOf('alone.py', MODULE)]);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^# OIDC_RS_CLIENT_SECRET: the environment has it, as OIDC_RS_CLIENT_SECRET\. Give the \.env/m,
    );
    expect(out).toMatch(/^# OIDC_RS_CLIENT_ID: .*falls back to.*DJANGO_OIDC_RS_CLIENT_ID may say otherwise/m);
    expect(err).toContain('OIDC_OP_URL is missing');
    expect(err).not.toContain('Next:');
  });

  it('reads an .env from standard input: lists, booleans and keys as they are written there', async () => {
    const { code, out } = await oidcRs(['migrate'], {
      input: [
        'OIDC_OP_URL=https://auth.example.com/realms/x/',
        'OIDC_RP_CLIENT_ID=people',
        'OIDC_RP_CLIENT_SECRET_FILE=/run/secrets/people',
        'OIDC_RS_BACKEND_CLASS=lasuite.oidc_resource_server.backend.JWTResourceServerBackend',
        'OIDC_RS_SCOPES=[]',
        "OIDC_RS_ALLOWED_AUDIENCES=\"['web app', 'b']\"",
        'OIDC_VERIFY_SSL=False',
        'OIDC_RS_ENCRYPTION_KEY_TYPE=EC',
        'OIDC_RS_ENCRYPTION_ALGO=ECDH-ES',
        'OIDC_RESOURCE_SERVER_ENABLED=True',
        'OIDC_TIMEOUT=',
        `OIDC_RS_PRIVATE_KEY_STR="${PEM}"`,
      ].join('\n'),
    });
    const env = parseEnv(out);
    expect(code).toBe(1); // the file of the secret is not on this machine
    expect(readSettings({ env: { ...env, OIDC_RP_CLIENT_SECRET_FILE: undefined } })).toMatchObject({
      problems: [],
      settings: {
        OIDC_OP_URL: 'https://auth.example.com/realms/x/',
        OIDC_RS_ALLOWED_AUDIENCES: ['web app', 'b'],
        OIDC_RESOURCE_SERVER_ENABLED: true,
        OIDC_RS_SCOPES: [],
        OIDC_VERIFY_SSL: true,
      },
    });
    expect(env).toMatchObject({
      OIDC_RP_CLIENT_SECRET_FILE: '/run/secrets/people',
      OIDC_RS_PRIVATE_KEY_STR: PEM.trim(),
    });
    expect(out).toContain('OIDC_RS_PRIVATE_KEY_STR="-----BEGIN PRIVATE KEY-----\\n');
    expect(out).toMatch(
      /^# OIDC_RS_SCOPES: an empty list refuses every token there; .*OIDC_RESOURCE_SERVER_ENABLED/m,
    );
    expect(out).toMatch(/^# OIDC_VERIFY_SSL: without a look at the certificate, .*OIDC_CA_FILE/m);
  });

  it.each([
    ['OIDC_RS_BACKEND_CLASS = "team.backends.TeamBackend"', /has to be written anew, in TypeScript/],
    [
      'OIDC_RS_ENCRYPTION_KEY_TYPE = "oct"',
      /a symmetric key is not supported\. Make a new one: oidc-rs keygen/,
    ],
    ['OIDC_RS_SIGNING_ALGO = "HS256"', /^# OIDC_RS_SIGNING_ALGO: must be one of ES256/m],
    ['OIDC_RS_SCOPES = settings.SCOPES + ["x"]', /line 1 of standard input takes Python to read/],
    ['OIDC_OP_URL = f"https://{HOST}"', /takes Python to read/],
    ['OIDC_PROXY = {"ftp": "http://p.example.com"}', /Here it is one URL/],
    ['OIDC_RS_SCOPE = ["a"]', /has it\. Is OIDC_RS_SCOPES meant\?/],
    ['OIDC_DRF_AUTH_BACKEND = "x"', /# OIDC_DRF_AUTH_BACKEND: it is OIDC_RS_BACKEND_CLASS\./],
    [
      'OIDC_STATE_SIZE = 3\nOIDC_USE_NONCE = True',
      /# OIDC_STATE_SIZE, OIDC_USE_NONCE: people log in elsewhere/,
    ],
    ['OIDC_RS_AUDIENCE_CLAIM = {"a": 1}', /it is a dictionary there/],
  ])('%s: says why it is not carried over', async (input, why) => {
    const { out } = await oidcRs(['migrate'], { input });
    expect(out).toMatch(why);
    expect(parseEnv(out)).toEqual({});
  });

  it('lets nothing from a file become a line of its own [E2]', async () => {
    const { out } = await oidcRs(['migrate'], {
      input: 'OIDC_OP_URL = os.environ.get("X\\nOIDC_RS_SCOPES=evil")',
    });
    expect(parseEnv(out)).toEqual({});
  });

  it('takes the last of several lines in a plain module, and says so', async () => {
    const { out } = await oidcRs(['migrate'], { input: 'OIDC_TIMEOUT = 1\nOIDC_TIMEOUT = 2\n' });
    expect(parseEnv(out)).toMatchObject({ OIDC_TIMEOUT: '2' });
    expect(out).toContain('set in line 1 of standard input and again in line 2: that of line 2 was taken');
  });

  it('--out writes a file with mode 0600 and overwrites nothing; --json is one object [T1]', async () => {
    const out = join(folder, 'new.env');
    const env = {
      input: 'OIDC_OP_URL=https://auth.example.com\nOIDC_RS_CLIENT_ID=a\nOIDC_RS_CLIENT_SECRET=hush',
    };
    const first = await oidcRs(['migrate', '--out', out], env);
    expect(first).toMatchObject({ code: 0, out: '' });
    expect(first.err).not.toContain('hush');
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(parseEnv(readFileSync(out, 'utf8'))).toMatchObject({ OIDC_RS_CLIENT_SECRET: 'hush' });
    const again = await oidcRs(['migrate', '--out', out], env);
    expect(again.code).toBe(2);
    expect(again.err).toContain('is there already and is not overwritten');
    const json = await oidcRs(['migrate', '--json'], env);
    expect(json.err).toBe('');
    expect(JSON.parse(json.out)).toMatchObject({
      settings: { OIDC_RS_CLIENT_SECRET: 'hush', OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_post' },
      notCarriedOver: [],
      notes: [expect.stringContaining('in the body')],
      problems: [],
    });
  });

  it('says what it wants where there is nothing to read', async () => {
    expect(await oidcRs(['migrate'], { input: 'DEBUG = True' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('no setting in it whose name begins with OIDC_') as string,
    });
    expect(await oidcRs(['migrate', join(folder, 'missing.py')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('cannot be read (ENOENT)') as string,
    });
  });
});

describe('a value of Python', () => {
  it.each([
    ['"a" \'b\'', 'ab'],
    ['"""two\nlines"""', 'two\nlines'],
    [String.raw`"tab\tquote\"x\u00e9"`, 'tab\tquote"xé'],
    [String.raw`r"raw\n"`, String.raw`raw\n`],
    ['(1)', 1],
    ['(1,)', [1]],
    ['[True, None, -1.5, 1_000]', [true, null, -1.5, 1000]],
    ['{"a": ["b"], "c": {}}', { a: ['b'], c: {} }],
    ['values.BooleanValue(False, environ=False)', false],
  ])('%s', (source, value) => {
    expect(readPythonValue('X', source)).toEqual({ kind: 'literal', value });
  });

  it.each([
    ['values.Value("d")', 'DJANGO_X', 'd'],
    ['values.Value("d", environ_prefix="")', 'X', 'd'],
    ['values.ListValue([], environ_name="Y", environ_prefix=None)', 'Y', []],
    ['values.PositiveIntegerValue(default=5, environ_name="Y")', 'DJANGO_Y', 5],
    ['os.environ.get("Y", "d")', 'Y', 'd'],
    ['os.getenv("Y")', 'Y', null],
    ['env.bool("Y", default=False)', 'Y', false],
    ['config("Y", cast=bool, default=True)', 'Y', true],
  ])('%s is up to the environment', (source, variable, fallback) => {
    expect(readPythonValue('X', source)).toEqual({ kind: 'environment', variable, fallback });
  });

  it.each([
    'f"{x}"',
    'b"x"',
    'a + b',
    '"a" + "b"',
    'open("x").read()',
    '[x]',
    '["a"',
    '"a',
    'os.environ["X"]',
    '1 if y else 2',
  ])('%s takes Python', (source) => {
    expect(readPythonValue('X', source)).toEqual({ kind: 'unreadable' });
  });
});

describe('a line of an .env file', () => {
  it.each([
    'plain',
    'a b',
    'a#b',
    "it's",
    '"q"',
    `it's "q"`,
    'a\\nb',
    'a$b',
    ' a ',
    'two\nlines',
    PEM,
    'é',
    'a=b',
  ])('reads back as %j', (value) => {
    const line = envLine('NAME', value) ?? '';
    expect(line).not.toContain('\n');
    expect(parseEnv(`A=1\n${line}\nZ=2`)).toEqual({ A: '1', NAME: value, Z: '2' });
  });

  it('is not written where no quotation marks fit', () => {
    expect(envLine('NAME', '\'"`')).toBeUndefined();
  });
});
