import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newApiKeys } from '../support/api-keys.ts';
import { introspect, type IntrospectedApis, startIntrospectedApis } from '../support/introspect-command.ts';
import { type IntrospectionServer, live, startIntrospectionServer } from '../support/introspection-server.ts';

const NOBODY = 'http://127.0.0.1:9';
let apis: IntrospectedApis;
/** Answers what no proper server does. */
let fake: IntrospectionServer;
let alice: string;

beforeAll(async () => {
  [apis, fake] = await Promise.all([startIntrospectedApis(), startIntrospectionServer()]);
  alice = await apis.server.tokenFor('alice', { scopes: ['openid'] });
});
afterEach(() => {
  fake.reset();
});
afterAll(() => Promise.all([apis.stop(), fake.close()]));

/** Every one of these ends with 3 and the 503 of the API: the token is not at fault. */
async function cannotTell(env: Readonly<Record<string, string | undefined>>, token = alice) {
  const run = await introspect(env, token);
  expect(run).toMatchObject({ code: 3, err: '', marks: '✓✗–––' });
  expect(run.line('getClaims')).toContain('it cannot tell for `ERR_AS_');
  expect(run.out).toContain('HTTP/1.1 503 Service Unavailable\n');
  expect(run.out).not.toContain('www-authenticate');
  return run;
}

describe('nobody can tell', () => {
  it('since the client secret is wrong (A7)', async () => {
    const run = await cannotTell({ ...apis.json, OIDC_RS_CLIENT_SECRET: 'hunter2hunter2' });
    expect(run.line('getClaims')).toMatch(
      /for `ERR_AS_CLIENT_REJECTED`: The authorization server refused the credentials of this resource server\. Check OIDC_RS_CLIENT_ID and OIDC_RS_CLIENT_SECRET \(tried: client_secret_basic, client_secret_post\)\. They are the credentials of this API, and the token is not at fault: oidc-rs check says more about them\.$/,
    );
    expect(run.line('answer')).toMatch(
      /asked as `api-json` \(client_secret_post\) .*; it answered 401 .*\(invalid_client\)\.$/,
    );
    expect(run.out).toContain('retry-after: 60');
  });

  it('since the server is down', async () => {
    const run = await cannotTell({ ...apis.json, OIDC_OP_URL: NOBODY });
    expect(run.line('getClaims')).toMatch(
      /Nothing listens there: check that it runs, and the OIDC_OP_\* endpoints\. The token was sent to nobody: oidc-rs check looks at each part of the way/,
    );
    expect(run.line('answer')).toBe('');
  });

  it('since the introspection endpoint is down; its query is not shown (A9)', async () => {
    const OIDC_OP_INTROSPECTION_ENDPOINT = `${NOBODY}/introspect?key=hunter2`;
    const run = await cannotTell({ ...apis.server.settingsFor('json'), OIDC_OP_INTROSPECTION_ENDPOINT });
    expect(run.line('answer')).toContain(`✗ answer: ${NOBODY}/introspect was asked as`);
    expect(run.line('answer')).toMatch(/; no answer came\.$/);
    expect(run.line('getClaims')).toContain('The token is not at fault');
    expect(run.out).not.toContain('hunter2');
  });

  it('since the issuer in the metadata lacks the trailing slash of the setting', async () => {
    const run = await cannotTell({ ...apis.json, OIDC_OP_URL: `${apis.server.url}/` });
    expect(run.line('getClaims')).toContain(
      'The issuer in its metadata is not exactly OIDC_OP_URL. The slash at the end of the setting is too much. The token was sent to nobody',
    );
  });

  it('since the issuer of a signed answer lacks it (J8)', async () => {
    const settings = { ...apis.server.settingsFor('jwt'), ...apis.jwt, OIDC_OP_URL: `${apis.server.url}/` };
    const run = await cannotTell(settings);
    expect(apis.transcript(run.line('envelope'))).toBe(
      '✗ envelope: this API wants it from `<issuer>/` (OIDC_OP_URL) and for `api-jwt`; it is from `<issuer>` and for `api-jwt`, made <time>. The two differ by a trailing slash alone: set OIDC_OP_URL=<issuer>.',
    );
    expect(run.line('issuer')).toBe('');
  });

  it('since a signed and encrypted answer is asked of a client registered for JSON (J1)', async () => {
    const run = await cannotTell({
      ...apis.json,
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: apis.pem,
    });
    expect(run.line('jwe')).toMatch(
      /^✗ jwe: .*; it is signed and not encrypted\. Register a public key of this API \(its \/jwks\) and introspection_encrypted_response_alg and _enc for the client; or leave OIDC_RS_BACKEND_CLASS out, for plain answers\.$/,
    );
    expect(run.line('jws')).toMatch(/^✗ .*its header says alg `RS256`.*Set OIDC_RS_SIGNING_ALGO=RS256, or/);
    expect(run.line('active')).toBe('');
  });

  it('since JSON is asked of a client registered for signed and encrypted answers (A11)', async () => {
    const run = await cannotTell({ ...apis.jwt, OIDC_RS_BACKEND_CLASS: undefined });
    expect(run.line('getClaims')).toContain(
      'It calls the request invalid. The client may be registered for the other kind of answer: see OIDC_RS_BACKEND_CLASS.',
    );
    expect(run.line('answer')).toMatch(/^✗ .*it answered 400 in `application\/json` \(invalid_request\)\.$/);
  });

  it('since the answer is encrypted to another key (J13)', async () => {
    const run = await cannotTell({ ...apis.jwt, OIDC_RS_PRIVATE_KEY_STR: newApiKeys().pem });
    expect(run.line('getClaims')).toContain('It cannot be decrypted');
    expect(apis.transcript(run.line('jwe'))).toMatch(
      /^✗ jwe: .*to its key `<kid>`; its header says alg `RSA-OAEP`, enc `A256GCM`, cty `JWT`\. Give the authorization server this API's public key: register its \/jwks, or what oidc-rs keygen prints\.$/,
    );
    expect(run.out).toContain('JWE header\n  alg: "RSA-OAEP"');
    expect(run.out).not.toContain('JWS header');
    expect(run.out).not.toContain('alice');
  });

  it.each([
    [
      'OIDC_RS_SIGNING_ALGO',
      'RS256',
      'jws',
      /its header says alg `ES256`.*Set OIDC_RS_SIGNING_ALGO=ES256, or change/,
    ],
    ['OIDC_RS_ENCRYPTION_ENCODING', 'A128GCM', 'jwe', /enc `A256GCM`.*Set both to what the header says, or/],
    [
      'OIDC_RS_ENCRYPTION_ALGO',
      'RSA-OAEP-256',
      'jwe',
      /alg `RSA-OAEP`.*Set both to what the header says, or/,
    ],
  ])('since %s=%s (J3, J4)', async (name, value, check, words) => {
    const run = await cannotTell({ ...apis.jwt, [name]: value });
    expect(run.line(check)).toMatch(words);
    expect(run.line(check)).toMatch(/^✗ /);
  });

  it.each([
    [
      { type: 'text/html', body: '<h1>' },
      'it answered 200 in `text/html`. That is no introspection endpoint:',
    ],
    [{ type: undefined, body: '{}' }, 'it answered 200 in no media type. That is no introspection endpoint:'],
    [
      { type: 'application/token-introspection+jwt', body: 'x' },
      'it answered 200 in `application/token-introspection+jwt`. Register this client for plain answers, or set OIDC_RS_BACKEND_CLASS=JWTResourceServerBackend.',
    ],
    [
      { status: 500, body: { error: '\u001b[31mserver_error' } },
      'it answered 500 in `application/json` (\uFFFD[31mserver_error).',
    ],
    [{ status: 301, headers: { location: '/' } }, 'it answered 301 in `application/json`.'],
  ])('since %j comes', async (answer, words) => {
    fake.answerWith(answer);
    const run = await cannotTell(fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa' }));
    expect(run.line('answer')).toContain(words);
  });

  it('since plain JSON comes where a signed and encrypted answer is asked for (J1)', async () => {
    fake.answerWith({ body: live() });
    const run = await cannotTell({
      ...fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa' }),
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: apis.pem,
    });
    expect(run.line('answer')).toMatch(
      /in `application\/json`\. Register this client for signed and encrypted introspection answers, or set OIDC_RS_BACKEND_CLASS=IntrospectionResourceServerBackend\.$/,
    );
  });

  it('and says when to come again (A6)', async () => {
    fake.answerWith({ status: 503, headers: { 'retry-after': '7' } });
    expect((await cannotTell(fake.settings())).out).toContain('retry-after: 7\n');
  });
});

describe('a server that repeats secrets', () => {
  it('is not repeated (A9, E1)', async () => {
    const settings = fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
    const secret = String(settings.OIDC_RS_CLIENT_SECRET);
    fake.answerWith({ status: 500, body: { error: alice } });
    await cannotTell(settings);
    fake.answerWith({ type: `text/${alice}`, body: '' });
    await cannotTell(settings);
    fake.answerWith({ body: live({ jti: alice, [alice]: [{ deep: `${secret} and ${alice}` }] }) });
    const run = await introspect(settings, alice);
    expect(run.out).toContain('  jti: "[secret]"\n  [secret]: [{"deep":"[secret] and [secret]"}]\n');
    expect(run.code).toBe(0);
  });

  it('cannot steer the terminal (E2)', async () => {
    fake.answerWith({
      body: live({ scope: 'a\u001b[31m', sub: 'a\u001b[31m\u009b1m', 'x\u001b[0m': '\u2028' }),
    });
    const run = await introspect(fake.settings(), alice);
    // eslint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(run.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(run.line('getOrCreateUser')).toContain('a "sub" that is not a usable identifier');
    expect(run.code).toBe(1);
    const { out } = await introspect(fake.settings(), alice, '--json');
    // eslint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
    expect((JSON.parse(out) as { claims: unknown }).claims).toMatchObject({ sub: 'a\u001b[31m\u009b1m' });
  });

  it('or nests claims without end (A3, I2)', async () => {
    const body = JSON.stringify(live()).replace(
      '}',
      `,"x":${'['.repeat(25_000)}${']'.repeat(25_000)},"__proto__":{"a":1}}`,
    );
    fake.answerWith({ body });
    const run = await cannotTell(fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa' }));
    expect(run.line('getClaims')).toContain('It is nested too deep.');
  });
});
