import { createHmac, createPublicKey, generateKeyPairSync, KeyObject, sign } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JWTAuthorizationServerClient } from '../../src/authorization-server/jwt-authorization-server-client.ts';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import type { PublicJwk } from '../../src/key/private-keys.ts';
import { eventsOf, failureOf, faultOf, MARKER, UNAVAILABLE, UNTRUSTED } from '../support/faults.ts';
import {
  createSigner,
  encryptAnswer,
  forgeJws,
  signAnswer,
  type Header,
  type Signer,
} from '../support/introspection-jwt.ts';
import { live, startIntrospectionServer, type ServerAnswer } from '../support/introspection-server.ts';
import { realDependencies } from '../support/real-dependencies.ts';

const TYPE = 'application/token-introspection+jwt';
const NOW = Date.UTC(2026, 6, 1) / 1000;
const TOKEN = 'token-of-alice';
const SECRETS = [TOKEN, 'the-secret-of-the-api', 'PRIVATE'];

const server = await startIntrospectionServer();
const http = new UndiciHttpAdapter();
const signer = await createSigner('ES256');
const rsaSigner = await createSigner('RS256');
const rsaPem = pemOf('rsa', { modulusLength: 2048 });
const otherRsaPem = pemOf('rsa', { modulusLength: 2048 });
const JSON_ANSWER = { active: true, iss: server.url, aud: 'api', sub: MARKER, token_introspection: live() };

type Overrides = Readonly<Record<string, string | undefined>>;

interface JwtAnswer extends ServerAnswer {
  readonly body: string;
}

beforeEach(() => {
  server.reset();
  publish(signer.jwk);
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await server.close();
  await http.close();
});

function pemOf(type: 'rsa' | 'ec' | 'x25519', options: object = {}): string {
  const { privateKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function publish(...keys: object[]): void {
  server.publish({ body: { keys } });
}

/** A client of its own, with signing keys of its own: nothing is cached from test to test. */
function setUp(overrides: Overrides = {}) {
  const dependencies = realDependencies(
    server.settings({
      OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic',
      OIDC_RS_PRIVATE_KEY_STR: rsaPem,
      ...overrides,
    }),
    http,
  );
  const [jwk] = dependencies.privateKeys.publicJwkSet.keys;
  if (jwk === undefined) throw new Error('the client has no key');
  return { client: new JWTAuthorizationServerClient(dependencies), log: dependencies.logger, jwk };
}
const { jwk: ours } = setUp();

function outer(claims: object = {}): object {
  const iat = Math.floor(Date.now() / 1000);
  return { iss: server.url, aud: 'api', iat, token_introspection: live({ note: MARKER }), ...claims };
}

/** An answer whose body is said to be a JWT. */
function jwt(body: string): JwtAnswer {
  return { type: TYPE, body };
}

/** A proper answer, but for what is given. */
async function nested(
  parts: { claims?: object; jws?: Header; jwe?: Header; signer?: Signer; jwk?: PublicJwk } = {},
): Promise<JwtAnswer> {
  const jws = await signAnswer(parts.signer ?? signer, outer(parts.claims), parts.jws);
  return jwt(await encryptAnswer(parts.jwk ?? ours, jws, parts.jwe));
}

async function encrypted(plaintext: string | Promise<string>): Promise<ServerAnswer> {
  return jwt(await encryptAnswer(ours, await plaintext));
}

async function expectRefused(
  answer: ServerAnswer | Promise<ServerAnswer>,
  check: string,
  overrides?: Overrides,
): Promise<string> {
  server.answerWith(await answer);
  const { client, log } = setUp(overrides);
  const { message } = await faultOf(client.introspect(TOKEN), log, UNTRUSTED, SECRETS);
  expect(log.records.at(-1)?.fields).toEqual({ event: 'as.untrusted', check });
  return message;
}

async function expectBelieved(
  answer: ServerAnswer | Promise<ServerAnswer>,
  overrides?: Overrides,
): Promise<void> {
  server.answerWith(await answer);
  const { client, log } = setUp(overrides);
  expect(await client.introspect(TOKEN)).toMatchObject({ active: true, sub: 'alice' });
  expect(eventsOf(log)).toEqual([]);
}

describe('a proper answer', () => {
  it('is asked for by one media type, and read from inside the envelope (A11)', async () => {
    const members = live({ groups: ['a'] });
    server.answerWith(await nested({ claims: { token_introspection: members, sub: 'outside' } }));
    const claims = await setUp().client.introspect(TOKEN);
    expect(JSON.parse(JSON.stringify(claims))).toEqual(members);
    expect([Object.isFrozen(claims), Object.isFrozen(claims['groups'])]).toEqual([true, true]);
    const [request] = server.requests;
    expect(request?.headers.accept).toBe(TYPE);
    expect(request?.rawHeaders.filter((name) => name.toLowerCase() === 'accept')).toHaveLength(1);
  });

  it.each([TYPE, `${TYPE}; charset=utf-8`, `${TYPE.toUpperCase()} ;q=1`])(
    'is taken as %s (A8)',
    async (type) => {
      await expectBelieved({ ...(await nested()), type });
    },
  );

  it.each(['ES256', 'ES512', 'RS256', 'EdDSA'])('may be signed by %s, where that is set', async (alg) => {
    const other = alg === 'RS256' ? rsaSigner : await createSigner(alg);
    publish(other.jwk);
    await expectBelieved(nested({ signer: other }), { OIDC_RS_SIGNING_ALGO: alg });
  });

  it.each([
    ['RSA', 'RSA-OAEP-256', 'A128CBC-HS256', rsaPem],
    ['EC', 'ECDH-ES', 'A256GCM', pemOf('ec', { namedCurve: 'P-256' })],
    ['EC', 'ECDH-ES+A256KW', 'A128GCM', pemOf('ec', { namedCurve: 'P-521' })],
    ['OKP', 'ECDH-ES+A128KW', 'A256CBC-HS512', pemOf('x25519')],
  ])('may be encrypted to our %s key by %s and %s', async (type, alg, enc, pem) => {
    const settings = {
      OIDC_RS_PRIVATE_KEY_STR: pem,
      OIDC_RS_ENCRYPTION_KEY_TYPE: type,
      OIDC_RS_ENCRYPTION_ALGO: alg,
      OIDC_RS_ENCRYPTION_ENCODING: enc,
    };
    await expectBelieved(nested({ jwk: setUp(settings).jwk, jwe: { enc } }), settings);
  });

  it('may be encrypted to our last key, while the new one is published already (J13)', async () => {
    const rotated = otherRsaPem + rsaPem;
    for (const kid of [ours.kid, undefined]) {
      await expectBelieved(nested({ jwe: { kid } }), { OIDC_RS_PRIVATE_KEY_STR: rotated });
    }
  });

  it('asks for the signing keys once (K1)', async () => {
    const { client } = setUp();
    server.answerWith(await nested());
    await client.introspect(TOKEN);
    expect(server.jwksRequests).toBe(1);
    await client.introspect(TOKEN);
    expect(server.jwksRequests).toBe(1);
  });
});

describe('a dead token', () => {
  it.each<[string, Promise<ServerAnswer> | ServerAnswer]>([
    ['active:false inside the JWT', nested({ claims: { token_introspection: { active: false, sub: 'a' } } })],
    ['400 without a body', { status: 400, type: undefined }],
    ['400 unsupported_token_type', { status: 400, body: { error: 'unsupported_token_type' } }],
  ])('is what %s says: no error, no event (R6)', async (_, answer) => {
    server.answerWith(await answer);
    const { client, log } = setUp();
    expect({ ...(await client.introspect(TOKEN)) }).toEqual({ active: false });
    expect(eventsOf(log)).toEqual([]);
  });

  it.each([
    ['400 with a blank', { status: 400, body: ' ' }],
    ['400 in HTML', { status: 400, type: 'text/html', body: MARKER }],
    ['400 of another kind', { status: 400, body: { error: 'invalid_request', error_description: MARKER } }],
    ['404 without a body', { status: 404, type: undefined }],
    ['500 without a body', { status: 500, type: undefined }],
  ])('is not what %s says (R6, A5)', async (_, answer) => {
    server.answerWith(answer);
    const { client, log } = setUp();
    await faultOf(client.introspect(TOKEN), log, UNAVAILABLE, SECRETS);
  });
});

describe('a downgrade', () => {
  it.each([
    ['JSON', { body: JSON_ANSWER }],
    ['a JWT called JSON', { ...jwt('e30.e30.e30'), type: 'application/json' }],
    ['a JWT called JWT', { ...jwt('e30.e30.e30'), type: 'application/jwt' }],
    ['a JWT called nothing', { ...jwt('e30.e30.e30'), type: undefined }],
    ['two types', { ...jwt('e30.e30.e30'), type: `${TYPE}, application/json` }],
  ])('to %s is refused (J1)', async (_, answer) => {
    await expectRefused(answer, 'content_type');
  });

  it('to the dead token of plain JSON is refused as well (J1)', async () => {
    await expectRefused({ body: { active: false } }, 'content_type');
  });

  it('to a signed answer that is not encrypted is refused (J1)', async () => {
    await expectRefused(jwt(await signAnswer(signer, outer())), 'decryption');
  });

  it.each<[string, string]>([
    ['JSON', JSON.stringify(JSON_ANSWER)],
    ['HTML', `<p>${MARKER}`],
    ['nothing', ''],
    ['five dots', '....'],
  ])('to %s, called a JWT, is refused (J1, A8)', async (_, body) => {
    await expectRefused(jwt(body), 'decryption');
  });

  it.each<[string, string]>([
    ['in front', '\uFEFF'],
    ['behind', '\n'],
  ])('is not made of a good answer: with something %s it is refused (A8)', async (where, extra) => {
    const { body } = await nested();
    await expectRefused(jwt(where === 'behind' ? body + extra : extra + body), 'decryption');
  });

  const header = { alg: 'none', typ: 'token-introspection+jwt' };
  it.each<[string, string | Promise<string>, string]>([
    ['JSON', JSON.stringify(JSON_ANSWER), 'header'],
    ['nothing', '', 'decryption'],
    ['an unsigned JWT', forgeJws(header, JSON_ANSWER, Buffer.alloc(0)), 'header'],
    ['an unsigned JWT with a signature', forgeJws(header, JSON_ANSWER, Buffer.from('a')), 'algorithm'],
    [
      'a second encryption',
      signAnswer(signer, JSON_ANSWER).then((jws) => encryptAnswer(ours, jws)),
      'header',
    ],
    ['two signed answers', signAnswer(signer, JSON_ANSWER).then((jws) => `${jws}.${jws}`), 'header'],
  ])(
    'to an encrypted answer that is not signed is refused, since anybody can encrypt: %s (J2)',
    async (...row) => {
      await expectRefused(encrypted(row[1]), row[2]);
    },
  );
});

describe('a signature', () => {
  const typed = (alg: string) => ({ alg, typ: 'token-introspection+jwt', kid: signer.jwk.kid });
  const hmac = (key: string) => (input: Buffer) => createHmac('sha256', key).update(input).digest();
  const der = (input: Buffer) => sign('sha256', input, KeyObject.from(signer.privateKey));
  const publicPem = createPublicKey(KeyObject.from(signer.privateKey))
    .export({ type: 'spki', format: 'pem' })
    .toString();

  it.each<[string, Header, Buffer | ((input: Buffer) => Buffer), string]>([
    ['by alg none', typed('none'), Buffer.from('x'), 'algorithm'],
    ['by alg None', typed('None'), Buffer.from('x'), 'algorithm'],
    ['by no alg', { ...typed(''), alg: undefined }, Buffer.from('x'), 'algorithm'],
    ['by a list of algs', { ...typed(''), alg: ['ES256'] }, der, 'algorithm'],
    ['by es256', typed('es256'), der, 'algorithm'],
    ['by HS256 with the public key', typed('HS256'), hmac(publicPem), 'algorithm'],
    ['by HS256 with the JWK', typed('HS256'), hmac(JSON.stringify(signer.jwk)), 'algorithm'],
    ['by HS256 with the client secret', typed('HS256'), hmac('the-secret-of-the-api'), 'algorithm'],
    ['by HS256 with nothing', typed('HS256'), hmac(''), 'algorithm'],
    ['of zeros', typed('ES256'), Buffer.alloc(64), 'signature'],
    ['in DER', typed('ES256'), der, 'signature'],
    ['of one byte', typed('ES256'), Buffer.from('x'), 'signature'],
    ['of nothing', typed('ES256'), Buffer.alloc(0), 'header'],
  ])('%s is refused (J3)', async (_, header, signature, check) => {
    await expectRefused(encrypted(forgeJws(header, outer({ sub: MARKER }), signature)), check);
  });

  it('by another key of the same name is refused (J3)', async () => {
    await expectRefused(nested({ signer: await createSigner('ES256') }), 'signature');
  });

  it('by a published key of another algorithm is refused (J3)', async () => {
    publish(signer.jwk, rsaSigner.jwk);
    await expectRefused(nested({ signer: rsaSigner }), 'algorithm');
  });

  it('by a key that is not published is refused', async () => {
    await expectRefused(nested({ signer: await createSigner('ES256', 'unknown') }), 'kid');
  });

  it('is refused where the server publishes a symmetric key of that name (J3, K5)', async () => {
    publish({ kty: 'oct', k: 'AAAA', kid: signer.jwk.kid, alg: 'HS256' });
    const header = typed('HS256');
    await expectRefused(encrypted(forgeJws(header, outer(), hmac('\0\0\0'))), 'algorithm');
  });

  it.each([1, 0])('is refused after part %i of the message was changed (J3)', async (index) => {
    const parts = (await signAnswer(signer, outer())).split('.');
    const changed =
      index === 0 ? { ...typed('ES256'), extra: 1 } : outer({ token_introspection: live({ sub: 'root' }) });
    parts[index] = Buffer.from(JSON.stringify(changed)).toString('base64url');
    await expectRefused(encrypted(parts.join('.')), 'signature');
  });
});

describe('the encryption', () => {
  it.each<[string, Header]>([
    ['another alg', { alg: 'RSA-OAEP-256' }],
    ['another enc', { enc: 'A128CBC-HS256' }],
    ['a shorter enc', { enc: 'A128GCM' }],
  ])('by %s than the configured one is refused (J4)', async (_, jwe) => {
    await expectRefused(nested({ jwe }), 'decryption');
  });

  it('is refused by one text, whatever is wrong (J4)', async () => {
    const other = setUp({ OIDC_RS_PRIVATE_KEY_STR: otherRsaPem }).jwk;
    const { body } = await nested();
    const [header = '', key = '', iv = '', text = '', tag = ''] = body.split('.');
    const flip = (part: string) => (part.startsWith('A') ? 'B' : 'A') + part.slice(1);
    const messages = [
      await expectRefused(nested({ jwk: other }), 'decryption'),
      await expectRefused(nested({ jwe: { alg: 'RSA-OAEP-512' } }), 'decryption'),
      await expectRefused(jwt([header, flip(key), iv, text, tag].join('.')), 'decryption'),
      await expectRefused(jwt([header, key, iv, flip(text), tag].join('.')), 'decryption'),
      await expectRefused(jwt([header, key, iv, text, flip(tag)].join('.')), 'decryption'),
      await expectRefused(jwt(body.slice(0, -4)), 'decryption'),
    ];
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).toContain('OIDC_RS_ENCRYPTION_');
  });

  it('is refused where it is compressed: nothing is inflated (J5)', async () => {
    const claims = { token_introspection: live({ padding: 'a'.repeat(200_000) }) };
    const answer = await nested({ claims, jwe: { zip: 'DEF' } });
    expect(answer.body.length).toBeLessThan(4000);
    await expectRefused(answer, 'decryption');
  });

  it('may carry any iss, aud, typ and cty in its header: the server has not signed them (J12)', async () => {
    for (const jwe of [
      { iss: server.url, aud: 'api' },
      { iss: 'https://evil.example', aud: 'somebody-else' },
      { iss: 7, aud: {} },
      { typ: 'token-introspection+jwt' },
      { typ: 'JWT', cty: undefined },
    ]) {
      await expectBelieved(nested({ jwe }));
    }
  });

  it('lends nothing to what it encloses: iss and aud of the header do not count (J12, J8)', async () => {
    const jwe = { iss: server.url, aud: 'api' };
    await expectRefused(nested({ jwe, claims: { iss: undefined } }), 'iss');
    await expectRefused(nested({ jwe, claims: { aud: undefined } }), 'aud');
  });
});

describe('a header', () => {
  it('brings no key along: jwk, jku, x5u and x5c are ignored (J6)', async () => {
    const evil = await createSigner('ES256', 'evil');
    server.publish({ body: { keys: [signer.jwk] } });
    const members = { jwk: evil.jwk, jku: `${server.url}/evil`, x5u: `${server.url}/evil`, x5c: ['AAAA'] };
    for (const kid of [signer.jwk.kid, undefined]) {
      await expectRefused(nested({ signer: evil, jws: { ...members, kid } }), 'signature');
    }
    await expectRefused(nested({ signer: evil, jws: members }), 'kid');
    expect(server.requests.map(({ url }) => url)).toEqual(Array(3).fill('/introspect'));
    await expectBelieved(nested({ jws: members, jwe: { jku: `${server.url}/evil`, jwk: evil.jwk } }));
  });

  it.each(['../../etc/passwd', "' OR 1=1 --", '__proto__', 'constructor', ''])(
    'with kid %j names no key (J6)',
    async (kid) => {
      await expectRefused(nested({ jws: { kid } }), 'kid');
    },
  );

  it.each([[{}], [['ES256-key']], [null], [1], [true]])('with kid %j is refused (J6)', async (kid) => {
    const jws = await signAnswer(signer, outer(), { kid });
    await expectRefused(encrypted(jws), 'header');
  });

  it.each([[['exp']], [['b64']], [[]], [['']]])('with crit %j is refused (J6)', async (crit) => {
    const header = {
      alg: 'ES256',
      typ: 'token-introspection+jwt',
      kid: signer.jwk.kid,
      crit,
      exp: 1,
      b64: true,
    };
    const ieee = (input: Buffer) =>
      sign('sha256', input, { key: KeyObject.from(signer.privateKey), dsaEncoding: 'ieee-p1363' });
    await expectRefused(encrypted(forgeJws(header, outer(), ieee)), 'header');
    await expectBelieved(encrypted(forgeJws({ ...header, crit: undefined }, outer(), ieee)));
  });

  it.each([
    'JWT',
    'at+jwt',
    'application/at+jwt',
    'logout+jwt',
    'secevent+jwt',
    'jwt+token-introspection',
    'token-introspection',
    ' token-introspection+jwt',
    'text/token-introspection+jwt',
    'application/application/token-introspection+jwt',
    '',
    undefined,
    null,
    ['token-introspection+jwt'],
  ])('with typ %j is of another kind of JWT, and refused (J7)', async (typ) => {
    await expectRefused(nested({ jws: { typ } }), 'type');
  });

  it.each([
    'token-introspection+jwt',
    'application/token-introspection+jwt',
    'Application/Token-Introspection+JWT',
  ])('with typ %s is right (J7)', async (typ) => {
    await expectBelieved(nested({ jws: { typ } }));
  });
});

describe('the envelope', () => {
  it('names exactly the issuer (J8)', async () => {
    const wrong = [
      undefined,
      null,
      '',
      `${server.url}/`,
      server.url.toUpperCase(),
      server.url.slice(0, -1),
      `${server.url}.evil.example`,
      'https://evil.example',
      [server.url],
      {},
      1,
    ];
    for (const iss of wrong) await expectRefused(nested({ claims: { iss } }), 'iss');
  });

  it.each(['api', ['api'], ['other', 'api']])('is for us where aud is %j (J8)', async (aud) => {
    await expectBelieved(nested({ claims: { aud } }));
  });

  it('is for somebody else where aud says so (J8)', async () => {
    const wrong = [
      undefined,
      null,
      '',
      'ap',
      'api2',
      'API',
      ' api',
      'api other',
      [],
      ['other'],
      [['api']],
      {},
    ];
    for (const aud of [...wrong, { api: true }, 1, true, [null], [undefined]]) {
      await expectRefused(nested({ claims: { aud } }), 'aud');
    }
  });

  it('names both, even to a client that was built without its settings (J8)', async () => {
    await expectRefused(nested({ claims: { iss: undefined } }), 'iss', { OIDC_OP_URL: undefined });
    await expectRefused(nested({ claims: { aud: undefined } }), 'aud', { OIDC_RS_CLIENT_ID: undefined });
  });

  it('may be for OIDC_RS_INTROSPECTION_AUDIENCE, beside our client id (J8)', async () => {
    const settings = { OIDC_RS_INTROSPECTION_AUDIENCE: 'groups,https://api.example' };
    for (const aud of ['groups', 'https://api.example', 'api', ['x', 'groups']]) {
      await expectBelieved(nested({ claims: { aud } }), settings);
    }
    for (const aud of ['groups profile', 'group', 'groups,https://api.example', undefined]) {
      await expectRefused(nested({ claims: { aud } }), 'aud', settings);
    }
    await expectRefused(nested({ claims: { aud: 'groups' } }), 'aud');
  });

  it.each<[unknown, string, 'believed' | 'refused']>([
    [undefined, '5', 'refused'],
    [null, '5', 'refused'],
    [String(NOW), '5', 'refused'],
    ['', '5', 'refused'],
    [[NOW], '5', 'refused'],
    [true, '5', 'refused'],
    [0, '5', 'refused'],
    [-NOW, '5', 'refused'],
    [NOW * 1000, '5', 'refused'],
    [NOW, '0', 'believed'],
    [NOW + 1, '0', 'refused'],
    [NOW + 5, '5', 'believed'],
    [NOW + 5.5, '5', 'refused'],
    [NOW + 60, '60', 'believed'],
    [NOW + 61, '60', 'refused'],
    [NOW - 60, '0', 'believed'],
    [NOW - 61, '0', 'refused'],
    [NOW - 65, '5', 'believed'],
    [NOW - 65.5, '5', 'refused'],
    [NOW - 3600, '5', 'refused'],
  ])('with iat %j, give or take %s s, is %s (J9)', async (iat, tolerance, outcome) => {
    await expectAt({ iat }, tolerance, outcome);
  });

  it.each(['1e999', '-1e999'])('with iat %s is refused (J9)', async (iat) => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
    const text = JSON.stringify(outer()).replace(`"iat":${NOW}`, `"iat":${iat}`);
    expect(text).toContain(iat);
    await expectRefused(encrypted(signAnswer(signer, text)), 'iat');
  });

  it.each<[unknown, string, 'believed' | 'refused']>([
    [NOW + 1, '0', 'believed'],
    [NOW, '0', 'refused'],
    [NOW - 4, '5', 'believed'],
    [NOW - 5, '5', 'refused'],
    [0, '5', 'refused'],
    [null, '5', 'refused'],
    [String(NOW + 60), '5', 'refused'],
    [[NOW + 60], '5', 'refused'],
  ])('with exp %j, give or take %s s, is %s (J9)', async (exp, tolerance, outcome) => {
    await expectAt({ exp }, tolerance, outcome);
  });

  async function expectAt(claims: object, tolerance: string, outcome: string): Promise<void> {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
    const settings = { OIDC_RS_CLOCK_TOLERANCE: tolerance };
    if (outcome === 'believed') await expectBelieved(nested({ claims }), settings);
    else await expectRefused(nested({ claims }), Object.keys(claims).join(), settings);
  }

  it.each(
    [undefined, null, true, 'true', 1, [], [{ active: true }], '{"active":true}'].map((value) => [value]),
  )('has an object in it, not %j; members beside it do not count (J10)', async (answer) => {
    const claims = { ...live(), token_introspection: answer };
    await expectRefused(nested({ claims }), 'token_introspection');
  });

  it('has members that are checked as those of plain answers are (I1, I3)', async () => {
    const rows = [
      [{}, 'active'],
      [{ active: 'true' }, 'active'],
      [live({ active: 1 }), 'active'],
      [live({ exp: '2000000000' }), 'exp'],
      [live({ nbf: null }), 'nbf'],
    ] as const;
    for (const [answer, check] of rows) {
      await expectRefused(nested({ claims: { token_introspection: answer } }), check);
    }
    const polluting = outer({ token_introspection: 'HERE' });
    const text = JSON.stringify(polluting).replace('"HERE"', '{"__proto__":{"active":true}}');
    await expectRefused(encrypted(signAnswer(signer, text)), 'active');
  });

  it.each(['[]', 'null', '"text"', '{"iss":', '7', ''])('is an object, not %j', async (text) => {
    await expectRefused(encrypted(signAnswer(signer, text)), text === '' ? 'header' : 'payload');
  });
});

describe('a server whose keys cannot be had', () => {
  it.each<[string, ServerAnswer, string]>([
    ['are down', { status: 503, body: MARKER }, UNAVAILABLE],
    ['are gone', { status: 404, body: MARKER }, UNAVAILABLE],
    [
      'hang up',
      { misbehave: ({ socket }) => socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n') },
      UNAVAILABLE,
    ],
    ['have moved', { status: 302, headers: { location: '/elsewhere' } }, UNTRUSTED],
    ['are no keys', { body: { keys: MARKER } }, UNTRUSTED],
  ])('is not to be asked for now: its keys %s (K6)', async (_, keys, code) => {
    server.publish(keys);
    server.answerWith(await nested());
    const { client, log } = setUp();
    expect(await failureOf(client.introspect(TOKEN))).toMatchObject({ code });
    expect(JSON.stringify(log.records)).not.toContain(MARKER);
    expect(eventsOf(log)).toContain('warn jwks.refresh');
  });

  it('is asked again later, and believed once they are there (K6)', async () => {
    server.publish({ status: 503 });
    server.answerWith(await nested());
    const down = setUp();
    expect(await failureOf(down.client.introspect(TOKEN))).toMatchObject({ code: UNAVAILABLE });
    publish(signer.jwk);
    expect(await failureOf(down.client.introspect(TOKEN))).toMatchObject({
      code: UNAVAILABLE,
      retryAfter: 30,
    });
    expect(server.jwksRequests).toBe(1);
    await expectBelieved(nested());
  });
});
