import { generateKeyPairSync } from 'node:crypto';
import { CompactEncrypt, exportJWK, importPKCS8, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { UserinfoClient } from '../../src/authorization-server/userinfo.ts';
import type { Claims } from '../../src/claims.ts';
import type { HttpAdapter, HttpRequest } from '../../src/http/http-adapter.ts';
import { AccessToken } from '../../src/secret.ts';
import type { SettingsInput } from '../../src/settings.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { failureOf, faultOf, MARKER, UNAVAILABLE, UNTRUSTED } from '../support/faults.ts';
import { realDependencies } from '../support/real-dependencies.ts';

const ISSUER = 'https://auth.example.com';
const TOKEN = new AccessToken('the-access-token');
const CLAIMS: Claims = { active: true, sub: 'alice', client_id: 'spa' };
const USERINFO = { sub: 'alice', email: 'alice@example.org', email_verified: true };
const api = newApiKeys();

let signingKey: CryptoKey;
let jwks: object;
beforeAll(async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  signingKey = await importPKCS8(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'ES256');
  jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', use: 'sig', alg: 'ES256' }] };
});

interface Answer {
  status?: number;
  type?: string;
  body: string | object;
}

/** A client whose user endpoint gives one answer, and what it was asked. */
function clientWith(answer: Answer, settings: SettingsInput = {}) {
  const asked: HttpRequest[] = [];
  const http: HttpAdapter = {
    request: (request) => {
      if (request.url.endsWith('/jwks')) return Promise.resolve(respond({ body: jwks }));
      asked.push(request);
      return Promise.resolve(respond(answer));
    },
  };
  const dependencies = realDependencies(
    {
      OIDC_OP_URL: ISSUER,
      OIDC_OP_USER_ENDPOINT: `${ISSUER}/userinfo`,
      OIDC_OP_JWKS_ENDPOINT: `${ISSUER}/jwks`,
      OIDC_RS_CLIENT_ID: 'api',
      OIDC_RS_PRIVATE_KEY_STR: api.pem,
      ...settings,
    },
    http,
  );
  const client = new UserinfoClient(dependencies);
  return { asked, logger: dependencies.logger, fetch: (claims = CLAIMS) => client.fetch(TOKEN, claims) };
}

function respond({ status = 200, type = 'application/json', body }: Answer) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { 'content-type': type }, body: Buffer.from(text) };
}

function signed(payload: object = {}, header: object = {}): Promise<string> {
  const claims = { ...USERINFO, iss: ISSUER, aud: 'spa', ...payload };
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k', ...header }).sign(signingKey);
}

async function encrypted(plaintext: string): Promise<string> {
  const { importJWK } = await import('jose');
  const key = await importJWK(api.jwks.keys[0], 'RSA-OAEP');
  return new CompactEncrypt(Buffer.from(plaintext))
    .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' })
    .encrypt(key);
}

const jwt = (body: string): Answer => ({ type: 'application/jwt', body });

describe('the request', () => {
  it('is a GET with the token in the header and one Accept for the format (A9, A11)', async () => {
    for (const [format, accept] of [
      ['AUTO', 'application/json, application/jwt'],
      ['JSON', 'application/json'],
    ] as const) {
      const { asked, fetch } = clientWith({ body: USERINFO }, { OIDC_OP_USER_ENDPOINT_FORMAT: format });
      await fetch();
      expect(asked).toEqual([
        expect.objectContaining({
          method: 'GET',
          url: `${ISSUER}/userinfo`,
          headers: { accept, authorization: 'Bearer the-access-token' },
          timeoutMs: 5000,
          maxBytes: 65536,
        }),
      ]);
    }
  });
});

describe('an answer that is taken', () => {
  it('is plain JSON about the same person', async () => {
    const userinfo = await clientWith({ type: 'application/json; charset=utf-8', body: USERINFO }).fetch();
    expect({ ...userinfo }).toEqual(USERINFO);
    expect(Object.isFrozen(userinfo)).toBe(true);
  });

  it.each(['AUTO', 'JWT'])('is a signed JWT, also an encrypted one, with the format %s', async (format) => {
    const settings = { OIDC_OP_USER_ENDPOINT_FORMAT: format };
    for (const header of [{}, { typ: 'JWT' }]) {
      const jws = await signed({}, header);
      expect(await clientWith(jwt(jws), settings).fetch()).toMatchObject(USERINFO);
      expect(await clientWith(jwt(await encrypted(jws)), settings).fetch()).toMatchObject(USERINFO);
    }
  });

  it('is meant for the client of the token, or for this API', async () => {
    for (const aud of ['spa', 'api', ['other', 'api']]) {
      expect(await clientWith(jwt(await signed({ aud }))).fetch()).toMatchObject(USERINFO);
    }
  });
});

describe('an answer that is not believed', () => {
  it.each<[string, Answer, string]>([
    ['another person', { body: { ...USERINFO, sub: 'mallory' } }, 'sub'],
    ['nobody', { body: { email: 'alice@example.org' } }, 'sub'],
    ['a sub that is no text', { body: { sub: ['alice'] } }, 'sub'],
    ['no JSON', { body: `<html>${MARKER}` }, 'json'],
    ['a list', { body: '[]' }, 'json'],
    ['HTML', { type: 'text/html', body: MARKER }, 'content_type'],
    ['a redirect (A1)', { status: 307, body: MARKER }, 'status'],
    [
      'something nested too deep',
      { body: `{"sub":"alice","x":${'['.repeat(99)}${']'.repeat(99)}}` },
      'depth',
    ],
    ['neither JWS nor JWE', jwt('abc'), 'decryption'],
  ])('tells about %s', async (_, answer, check) => {
    const { fetch, logger } = clientWith(answer);
    await faultOf(fetch(), logger, UNTRUSTED, [TOKEN.reveal()]);
    expect(logger.only.fields).toMatchObject({ check });
  });

  it.each<[string, object, object, string]>([
    ['another issuer', { iss: `${ISSUER}/` }, {}, 'iss'],
    ['no issuer', { iss: undefined }, {}, 'iss'],
    ['another audience', { aud: 'other' }, {}, 'aud'],
    ['no audience', { aud: undefined }, {}, 'aud'],
    ['an end in the past', { exp: 1 }, {}, 'exp'],
    ['an end that is no number', { exp: '9999999999' }, {}, 'exp'],
    ['another person', { sub: 'mallory' }, {}, 'sub'],
    ['the type of an access token (J7)', {}, { typ: 'at+jwt' }, 'type'],
    ['an unknown key (J6)', {}, { kid: 'other' }, 'kid'],
  ])('is signed and has %s', async (_, payload, header, check) => {
    const { fetch, logger } = clientWith(jwt(await signed(payload, header)));
    const failure = await failureOf(fetch());
    expect(failure).toMatchObject({ code: UNTRUSTED });
    expect(logger.records.map(({ fields }) => fields.check)).toContain(check);
  });

  it('is signed by somebody else (J3)', async () => {
    const [header, payload] = (await signed()).split('.');
    const { fetch } = clientWith(jwt(`${header}.${payload}.${'A'.repeat(86)}`));
    expect(await failureOf(fetch())).toMatchObject({ code: UNTRUSTED });
  });

  it('is encrypted and not signed: anybody can encrypt (J2)', async () => {
    const { fetch } = clientWith(
      jwt(await encrypted(JSON.stringify({ ...USERINFO, iss: ISSUER, aud: 'spa' }))),
    );
    expect(await failureOf(fetch())).toMatchObject({ code: UNTRUSTED });
  });

  it('is of the other kind than the format asks for (J1)', async () => {
    const plain = clientWith({ body: USERINFO }, { OIDC_OP_USER_ENDPOINT_FORMAT: 'JWT' });
    await faultOf(plain.fetch(), plain.logger, UNTRUSTED);
    const wrapped = clientWith(jwt(await signed()), { OIDC_OP_USER_ENDPOINT_FORMAT: 'JSON' });
    await faultOf(wrapped.fetch(), wrapped.logger, UNTRUSTED);
  });
});

describe('an endpoint that does not answer the question', () => {
  it('refuses the token: the token cannot be used there', async () => {
    for (const status of [401, 403]) {
      expect(await failureOf(clientWith({ status, body: MARKER }).fetch())).toMatchObject({
        code: 'ERR_INVALID_TOKEN',
        reason: 'userinfo',
      });
    }
  });

  it("is down or wrong: never the token's fault (A5)", async () => {
    for (const status of [400, 404, 429, 500, 503]) {
      const { fetch, logger } = clientWith({ status, body: MARKER });
      await faultOf(fetch(), logger, UNAVAILABLE, [TOKEN.reveal()]);
    }
  });
});
