import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { introspect, type IntrospectedApis, startIntrospectedApis } from '../support/introspect-command.ts';
import { type IntrospectionServer, live, startIntrospectionServer } from '../support/introspection-server.ts';

let apis: IntrospectedApis;
/** Answers what no proper server does. */
let fake: IntrospectionServer;
/** Has the scopes `openid` and `profile`. */
let alice: string;

beforeAll(async () => {
  [apis, fake] = await Promise.all([startIntrospectedApis(), startIntrospectionServer()]);
  alice = await apis.server.tokenFor('alice', { scopes: ['openid', 'profile'] });
});
afterEach(() => {
  fake.reset();
});
afterAll(() => Promise.all([apis.stop(), fake.close()]));

const now = (): number => Math.floor(Date.now() / 1000);

describe('the request', () => {
  it.each([
    ['two words', 'two words', 'malformed', 400],
    ['a quoted token', '"quoted"', 'malformed', 400],
    ['two line breaks', 'token\n', 'malformed', 400],
    ['more than 8192 characters', 'a'.repeat(8193), 'too_long', 401],
  ])('%s (R3, R5)', async (_, token, reason, status) => {
    const run = await introspect(apis.json, token);
    expect(run.line('extractAccessToken')).toMatch(
      new RegExp(
        `^✗ .*; there is one of ${String(token.length)} characters .*; it refuses for \`${reason}\`: .*Copy the token alone, without blanks, quotes and line breaks`,
      ),
    );
    expect(run.marks).toBe('✗––––');
    expect(run.line('getClaims')).toMatch(/; not reached\.$/);
    expect(run.out).toContain(`HTTP/1.1 ${String(status)} `);
    expect(run.code).toBe(1);
  });
});

describe('what the authorization server says', () => {
  it('a token that it does not know', async () => {
    const run = await introspect(apis.json, 'nobody-has-issued-this');
    expect(run.line('active')).toMatch(
      /^✗ .*to say `active: true`; it says `active: false`\. It does not know the token, or the token has expired or was revoked, or this client may not see it\./,
    );
    expect(run.marks).toBe('✓✗–––');
    expect(run.out).toContain('www-authenticate: Bearer realm="api", error="invalid_token"');
    expect(run.code).toBe(1);
  });

  it('the same in a signed and encrypted answer', async () => {
    const run = await introspect(apis.jwt, 'nobody-has-issued-this');
    expect(run.line('active')).toMatch(/^✗ /);
    expect(run.line('envelope')).toMatch(/^✓ /);
    expect(run.out).toContain('JWE header');
    expect(run.code).toBe(1);
  });

  it('a token that has expired there', async () => {
    const token = await apis.server.tokenFor('alice', { scopes: ['openid'], expiresIn: -60 });
    const run = await introspect(apis.json, token);
    expect(run.line('active')).toMatch(/^✗ .*or the token has expired/);
    expect(run.code).toBe(1);
  });

  it('an ID token, which is a JWT that the server does not introspect (R6)', async () => {
    const { idToken = '' } = await apis.server.tokensFor('alice', { scopes: ['openid'] });
    const run = await introspect(apis.json, idToken);
    expect(run.line('answer')).toMatch(
      /it answered 400 .*\(unsupported_token_type\), which counts as inactive/,
    );
    expect(apis.transcript(run.line('active'))).toContain(
      'the token is a JWT and says of itself, unverified, `iss` `<issuer>`, `exp` <time>; some servers say so of every JWT, such as an ID token.',
    );
    expect(run.code).toBe(1);
  });

  it('a refresh token (I9)', async () => {
    const { refreshToken = '' } = await apis.server.tokensFor('alice', {
      scopes: ['openid', 'offline_access'],
    });
    const run = await introspect(apis.json, refreshToken);
    expect(run.line('token_type')).toMatch(
      /^✗ .*to be `Bearer` or `DPoP`; the answer has none\. It may be a refresh token: send the access token\..*OIDC_RS_REQUIRE_TOKEN_TYPE=false\.$/,
    );
    expect(run.line('getClaims')).toContain('it refuses for `token_type`');
    expect(run.code).toBe(1);
  });

  it('a token of another type (I9)', async () => {
    fake.answerWith({ body: live({ token_type: 'id_token' }) });
    const run = await introspect(fake.settings(), alice);
    expect(run.line('token_type')).toMatch(/^✗ .*the answer has `id_token`\. Send the access token/);
  });

  it('an issuer that differs by a trailing slash (I4)', async () => {
    const settings = { ...apis.server.settingsFor('json'), OIDC_OP_URL: `${apis.server.url}/` };
    const run = await introspect(settings, alice);
    expect(apis.transcript(run.line('issuer'))).toBe(
      '✗ issuer: this API wants `iss` to be exactly `<issuer>/` (OIDC_OP_URL), where there is one; the answer has `<issuer>`. The two differ by a trailing slash alone: set OIDC_OP_URL=<issuer>.',
    );
    expect(run.code).toBe(1);
  });

  it('another issuer, or none where one is asked for (I4)', async () => {
    fake.answerWith({ body: live({ iss: 'https://evil.example.com' }) });
    const other = await introspect(fake.settings(), alice);
    expect(other.line('issuer')).toMatch(
      /^✗ .*the answer has `https:\/\/evil\.example\.com`\. If that is your authorization server, set OIDC_OP_URL/,
    );
    fake.answerWith({ body: live() });
    const none = await introspect(fake.settings({ OIDC_RS_REQUIRE_ISSUER: 'true' }), alice);
    expect(none.line('issuer')).toMatch(
      /\(OIDC_OP_URL\); the answer has no `iss`\. .*OIDC_RS_REQUIRE_ISSUER=false/,
    );
  });

  it('a token that has expired here, though the server calls it active (I3)', async () => {
    fake.answerWith({ body: live({ iat: now() - 600, exp: now() - 60 }) });
    const run = await introspect(fake.settings(), alice);
    expect(run.line('getClaims')).toContain('it refuses for `expired`: The token has expired.');
    expect(run.line('times')).toMatch(
      /valid now, to 5 s \(OIDC_RS_CLOCK_TOLERANCE\); the token has `iat` \S+Z \(60\d s ago\), `exp` \S+Z \(6\d s ago\)\. Get a new token\.$/,
    );
    expect(run.code).toBe(1);
    expect((await introspect(fake.settings({ OIDC_RS_CLOCK_TOLERANCE: '60' }), alice)).code).toBe(1);
    fake.answerWith({ body: live({ iat: now() - 600, exp: now() - 20 }) });
    expect((await introspect(fake.settings({ OIDC_RS_CLOCK_TOLERANCE: '60' }), alice)).code).toBe(0);
  });

  it('the clock is off: a token of the future, and by how much this clock is behind (I3)', async () => {
    const date = new Date(Date.now() + 30_000).toUTCString();
    fake.answerWith({ headers: { date }, body: live({ iat: now() + 30 }) });
    const run = await introspect(fake.settings(), alice);
    expect(run.line('getClaims')).toContain('The token\'s "iat" is in the future: compare the clocks.');
    expect(run.line('times')).toMatch(
      /^✗ .*; this machine's clock is (2[5-9]|30) s behind the authorization server's\. Set both clocks by NTP/,
    );
    expect(run.code).toBe(1);
  });

  it('a time that is none of the calendar (I3)', async () => {
    fake.answerWith({ body: live({ exp: Date.now() * 1e6 }) });
    const run = await introspect(fake.settings(), alice);
    expect(run.line('times')).toMatch(/`exp` `\d+`/);
    expect(run.code).toBe(0);
  });
});

describe('a token that is bound to a key', () => {
  it('by DPoP (I12)', async () => {
    const token = await apis.server.tokenFor('alice', { scopes: ['openid'], dpopJkt: 'a'.repeat(43) });
    const run = await introspect(apis.json, token);
    expect(run.line('verifyPossession')).toMatch(
      /^✗ .*; the token is bound by `cnf`: `jkt` \(DPoP, RFC 9449\); it refuses for `confirmation`: .*Have the client ask for a token that is not bound to a key/,
    );
    expect(run.marks).toBe('✓✓✗––');
    expect(run.code).toBe(1);
  });

  it.each([
    [{ cnf: { 'x5t#S256': 'abc' } }, 'bound by `cnf`: `x5t#S256` (a client certificate, RFC 8705);'],
    [{ cnf: { jwk: {}, constructor: 1 } }, 'bound by `cnf`: `jwk` and `constructor`;'],
    [{ cnf: 'a key' }, 'has a `cnf` that names no key: `a key`;'],
    [{ cnf: null }, 'has a `cnf` that names no key: `null`;'],
    [{ token_type: 'DPoP' }, 'has no `cnf`, and its `token_type` is `DPoP`;'],
  ])('%j (I12)', async (members, words) => {
    fake.answerWith({ body: live(members) });
    const run = await introspect(fake.settings(), alice);
    expect(run.line('verifyPossession')).toContain(words);
    expect(run.marks).toBe('✓✓✗––');
    expect(run.code).toBe(1);
  });
});
