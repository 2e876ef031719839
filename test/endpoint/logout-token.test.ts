import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as jose from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type LogoutToken,
  LogoutTokenError,
  type LogoutTokenSettings,
  verifyLogoutToken,
} from '../../src/endpoint/logout-token.ts';
import { AuthorizationServerError } from '../../src/errors.ts';
import { failureOf } from '../support/faults.ts';
import {
  ANOTHER_KEY,
  EVENT,
  ISSUER,
  KEY,
  logoutClaims,
  type LogoutFixture,
  logoutFixture,
  logoutToken as signedToken,
} from '../support/logout-tokens.ts';

let fixture: LogoutFixture;
beforeAll(async () => {
  fixture = await logoutFixture();
});
afterAll(() => fixture.stop());

// One instant for all tokens and all checks: how long a test takes makes no difference.
const NOW = Math.floor(Date.now() / 1000);
const logoutToken: typeof signedToken = (changed, ...rest) =>
  signedToken({ iat: NOW, exp: NOW + 120, ...changed }, ...rest);

function verify(token: string, settings: Partial<LogoutTokenSettings> = {}, now = NOW): Promise<LogoutToken> {
  return verifyLogoutToken(token, { ...fixture.settings, ...settings }, fixture.signingKeys, now);
}

/** Why the token was refused. */
async function reasonFor(token: string, settings?: Partial<LogoutTokenSettings>, now?: number) {
  const error = await failureOf(verify(token, settings, now));
  if (!(error instanceof LogoutTokenError)) throw error;
  expect(error.message).not.toContain(token.split('.')[1]);
  return error.reason;
}

function unsigned(header: object, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(logoutClaims())}.${signature}`;
}

describe('a good logout token', () => {
  it('says who was logged out, and until when it is good', async () => {
    const token = await logoutToken({ jti: 'id-1', iat: NOW, exp: NOW + 60 });
    expect(await verify(token)).toEqual({ jti: 'id-1', sub: 'alice', sid: 'session-1', expiresAt: NOW + 65 });
    const longer = await logoutToken({ jti: 'id-1', iat: NOW, exp: NOW + 86_400 });
    expect((await verify(longer)).expiresAt).toBe(NOW + 125);
  });

  it('may name a subject or a session alone', async () => {
    expect(await verify(await logoutToken({ sid: undefined }))).toMatchObject({
      sub: 'alice',
      sid: undefined,
    });
    expect(await verify(await logoutToken({ sub: undefined }))).toMatchObject({
      sub: undefined,
      sid: 'session-1',
    });
  });

  it.each([
    'logout+jwt',
    'LOGOUT+JWT',
    'application/logout+jwt',
    'Application/Logout+JWT',
    'JWT',
    'jwt',
    undefined,
  ])('may have the typ %s (J7)', async (typ) => {
    expect((await verify(await logoutToken({}, { typ }))).sub).toBe('alice');
  });

  it('may be meant for several, have claims on top, and further events', async () => {
    const token = await logoutToken({
      aud: ['other', 'web-app'],
      toe: 1,
      events: { [EVENT]: { more: 1 }, 'https://example.com/event': {} },
    });
    expect((await verify(token)).sub).toBe('alice');
  });

  it.each([
    [{}, 'api'],
    [{}, 'web-app'],
    [{ OIDC_RS_LOGOUT_AUDIENCES: ['login'] }, 'login'],
  ])('with %j may be meant for %s (J8)', async (settings, aud) => {
    expect((await verify(await logoutToken({ aud }), settings)).sub).toBe('alice');
  });

  it('may be as old, or as new, as the tolerance lets it', async () => {
    for (const iat of [NOW - 124, NOW + 5]) {
      expect((await verify(await logoutToken({ iat }))).sub).toBe('alice');
    }
    expect((await verify(await logoutToken({ exp: NOW - 4 }))).sub).toBe('alice');
  });
});

describe('refused for its signature', () => {
  const header = { alg: 'RS256', kid: 'key-1', typ: 'logout+jwt' };

  it('no algorithm, whatever the case of its name (J3)', async () => {
    for (const alg of ['none', 'None', 'NONE', '', undefined]) {
      expect(await reasonFor(unsigned({ ...header, alg }, 'AA'))).toBe('algorithm');
    }
    expect(await reasonFor(unsigned({ ...header, alg: 'none' }))).toBe('header');
    expect(await reasonFor(unsigned(header))).toBe('header');
  });

  it('another algorithm than the configured one, also of the same key (J3)', async () => {
    expect(await reasonFor(await logoutToken({}, { alg: 'RS512' }))).toBe('algorithm');
    expect(await reasonFor(await logoutToken({}, { alg: 'PS256' }))).toBe('algorithm');
    expect(await reasonFor(await logoutToken(), { OIDC_RS_LOGOUT_SIGNING_ALGO: 'ES256' })).toBe('algorithm');
  });

  it('HS256 with the public key (J3)', async () => {
    const pem = createPublicKey(KEY).export({ type: 'spki', format: 'pem' });
    const input = unsigned({ ...header, alg: 'HS256' }).slice(0, -1);
    const mac = createHmac('sha256', pem).update(input).digest('base64url');
    expect(await reasonFor(`${input}.${mac}`)).toBe('algorithm');
  });

  it('another key, an unknown one, or changed claims (J3)', async () => {
    expect(await reasonFor(await logoutToken({}, {}, ANOTHER_KEY))).toBe('signature');
    expect(await reasonFor(await logoutToken({}, { kid: 'key-2' }, ANOTHER_KEY))).toBe('kid');
    const [head = '', , signature = ''] = (await logoutToken()).split('.');
    const payload = Buffer.from(JSON.stringify(logoutClaims({ sub: 'bob' }))).toString('base64url');
    expect(await reasonFor(`${head}.${payload}.${signature}`)).toBe('signature');
  });

  it('a key that it brings itself (J6)', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = publicKey.export({ format: 'jwk' }) as jose.JWK;
    const own = { jwk, jku: 'https://attacker.example/jwks', x5u: 'https://attacker.example/x5u' };
    expect(await reasonFor(await logoutToken({}, own, privateKey))).toBe('signature');
  });

  it('encryption (J4)', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const encrypted = await new jose.CompactEncrypt(Buffer.from(await logoutToken()))
      .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(publicKey);
    expect(await reasonFor(encrypted)).toBe('encrypted');
  });

  it.each(['', '.', '..', 'a', 'a.b', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e.f', 'é.é.é'])(
    'what is no token: %j',
    async (token) => {
      expect(await failureOf(verify(token))).toMatchObject({ reason: 'header' });
    },
  );

  it('a payload that is no JSON object', async () => {
    const token = await new jose.CompactSign(Buffer.from('[]')).setProtectedHeader(header).sign(KEY);
    expect(await reasonFor(token)).toBe('payload');
  });

  it('before any key is fetched, where the header says enough (P3)', async () => {
    const another = await logoutFixture();
    const forged = unsigned({ ...header, alg: 'none' }, 'AA');
    const of = (token: string) => verifyLogoutToken(token, another.settings, another.signingKeys);
    await failureOf(of(forged));
    await failureOf(of(await logoutToken({}, { typ: 'at+jwt' })));
    expect(another.fetches()).toBe(0);
    await of(await logoutToken());
    for (let i = 0; i < 5; i += 1) await failureOf(of(await logoutToken({}, { kid: `forged-${String(i)}` })));
    expect(another.fetches()).toBeLessThanOrEqual(2);
    await another.stop();
  });

  it('nothing, while the keys cannot be had: that is not its fault', async () => {
    const down = await logoutFixture({ status: 500 });
    const token = await logoutToken();
    const error = await failureOf(verifyLogoutToken(token, down.settings, down.signingKeys));
    expect(error).toBeInstanceOf(AuthorizationServerError);
    await down.stop();
  });
});

describe('refused, though the authorization server has signed it:', () => {
  it.each([
    'at+jwt',
    'token-introspection+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'logout',
    '',
    'application/',
    1,
    null,
  ])('the typ %j (J7)', async (typ) => {
    expect(await reasonFor(await logoutToken({}, { typ }))).toBe('type');
  });

  // What other tokens of the same issuer, for the same client, look like.
  const times = { iat: NOW, exp: NOW + 60 };
  const common = { iss: ISSUER, aud: 'web-app', sub: 'alice', sid: 'session-1', ...times };
  it.each([
    ['an ID token', 'JWT', { ...common, nonce: 'n', auth_time: NOW }],
    ['an ID token without a nonce', undefined, { ...common, auth_time: NOW }],
    ['an access token', 'JWT', { ...common, jti: 'id', client_id: 'web-app', scope: 'openid' }],
    ['an introspection answer', undefined, { ...common, jti: 'id', token_introspection: { active: true } }],
    ['a security event', 'JWT', { ...common, jti: 'id', events: { 'https://example.com/event': {} } }],
  ])('%s (J7)', async (_, typ, claims) => {
    const token = await new jose.SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', ...(typ !== undefined && { typ }) })
      .sign(KEY);
    expect(await reasonFor(token)).toBe('events');
  });

  const bad: [name: string, row: string, values: unknown[]][] = [
    [
      'iss',
      'J8',
      [undefined, null, `${ISSUER}/`, ISSUER.toUpperCase(), 'https://other.example', [ISSUER], {}],
    ],
    [
      'aud',
      'J8',
      [undefined, null, '', 'web', 'web-app2', 'WEB-APP', {}, { 0: 'web-app' }, [], [['web-app']], 1],
    ],
    ['iat', 'J9', [undefined, null, String(NOW), NOW + 6, NOW - 126, 0, -1, {}]],
    ['exp', 'J9', [undefined, null, String(NOW + 60), NOW - 5, 0, {}]],
    ['nbf', 'J9', [null, String(NOW), NOW + 6]],
    ['jti', 'J9', [undefined, null, '', ' ', 1, {}, 'a'.repeat(256), 'a\nb']],
    ['sub', 'E2', [null, '', ' alice', 1, {}, ['alice'], 'a'.repeat(256), 'a\u001b[31m']],
    ['sid', 'E2', [null, '', ' session-1', 1, {}, ['session-1'], 'a'.repeat(256), 'a\r\nb']],
    ['nonce', 'J7', [null, '', 'n', {}]],
    ['events', 'J7', [undefined, null, EVENT, [EVENT], [], {}, JSON.stringify({ [EVENT]: {} })]],
    ['events', 'J7', [null, [], 'x', true, 1].map((value) => ({ [EVENT]: value }))],
    ['events', 'J7', [{ [`${EVENT}/`]: {} }, { [EVENT.replace('http:', 'https:')]: {} }]],
  ];
  it.each(bad)('its %s (%s)', async (name, _row, values) => {
    for (const value of values) {
      expect([value, await reasonFor(await logoutToken({ [name]: value }))]).toEqual([value, name]);
    }
  });

  it('an instant that never comes (J9)', async () => {
    for (const name of ['iat', 'exp']) {
      const json = JSON.stringify(logoutClaims({ [name]: 1 })).replace(`"${name}":1`, `"${name}":1e999`);
      const token = await new jose.CompactSign(Buffer.from(json))
        .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'logout+jwt' })
        .sign(KEY);
      expect(await reasonFor(token)).toBe(name);
    }
  });

  it('nobody in it', async () => {
    expect(await reasonFor(await logoutToken({ sub: undefined, sid: undefined }))).toBe('nobody');
  });

  it('our own client, where others are named; and no client is not "undefined" (J8)', async () => {
    const others = { OIDC_RS_LOGOUT_AUDIENCES: ['login'] };
    expect(await reasonFor(await logoutToken({ aud: ['api', 'web-app'] }), others)).toBe('aud');
    const none = { OIDC_RS_CLIENT_ID: undefined, OIDC_RP_CLIENT_ID: undefined };
    expect(await reasonFor(await logoutToken({ aud: undefined }), none)).toBe('aud');
    expect(await reasonFor(await logoutToken({ aud: 'undefined' }), none)).toBe('aud');
  });

  it('no issuer, where none is configured (J8)', async () => {
    expect(await reasonFor(await logoutToken({ iss: undefined }), { OIDC_OP_URL: undefined })).toBe('iss');
  });

  it('no tolerance, where there is none (J9)', async () => {
    const strict = { OIDC_RS_CLOCK_TOLERANCE: 0 };
    expect(await reasonFor(await logoutToken({ iat: NOW + 1 }), strict)).toBe('iat');
    expect(await reasonFor(await logoutToken({ iat: NOW - 121 }), strict)).toBe('iat');
    expect(await reasonFor(await logoutToken({ exp: NOW }), strict)).toBe('exp');
  });
});
