import { createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as jose from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import { SignatureError, SigningKeys } from '../../src/authorization-server/signing-keys.ts';
import { AuthorizationServerError } from '../../src/errors.ts';
import {
  HttpError,
  type HttpAdapter,
  type HttpRequest,
  type HttpResponse,
} from '../../src/http/http-adapter.ts';
import type { Logger } from '../../src/types.ts';

const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve }).privateKey;
const ec1 = ec();
const ec2 = ec();
const attacker = ec();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const rsaWeak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;

const TYP = 'token-introspection+jwt';
const REQUIRED = { algorithm: 'ES256', types: [TYP] };
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A public key as an authorization server publishes it. */
function jwkOf(key: KeyObject, members: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...createPublicKey(key).export({ format: 'jwk' }), ...members };
}

function signed(key: KeyObject, header: object = {}, payload: unknown = { sub: 'alice' }): Promise<string> {
  return new jose.CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'ES256', typ: TYP, ...header })
    .sign(key);
}

/** The same bytes on the wire whatever jose would think of them. */
function forge(header: unknown, payload: unknown, signature: Buffer | ((input: Buffer) => Buffer)): string {
  const input = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const bytes = typeof signature === 'function' ? signature(Buffer.from(input)) : signature;
  return `${input}.${bytes.toString('base64url')}`;
}

interface Line {
  level: string;
  fields: Readonly<Record<string, unknown>>;
  message: string;
}

/** Counts what travels, and answers whatever `answer` says at that moment. */
class Endpoint implements HttpAdapter {
  requests: HttpRequest[] = [];
  answer: () => HttpResponse | Promise<HttpResponse>;

  constructor(...keys: unknown[]) {
    this.answer = () => json({ keys });
  }

  publish(...keys: unknown[]): void {
    this.answer = () => json({ keys });
  }

  goDown(): void {
    this.answer = () => {
      throw new HttpError('refused', 'refused');
    };
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    await Promise.resolve();
    return this.answer();
  }
}

function json(value: unknown, status = 200): HttpResponse {
  return { status, headers: {}, body: new TextEncoder().encode(JSON.stringify(value)) };
}

function setUp(http: HttpAdapter, url: () => string | Promise<string> = () => 'https://as.example/jwks') {
  const lines: Line[] = [];
  const at = (level: string) => (fields: Line['fields'], message: string) => {
    lines.push({ level, fields, message });
  };
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const clock = { now: 1_000_000 };
  const exchange = new Exchange({ http, logger, timeoutMs: 2000 });
  const keys = new SigningKeys({ exchange, url, logger, now: () => clock.now });
  const events = () =>
    lines
      .filter(({ fields }) => fields.event === 'jwks.refresh')
      .map(({ level, fields }) => `${level} ${String(fields.result)} ${String(fields.kids)}`);
  return { keys, clock, lines, events };
}

/** `ok`, the check that failed, or the code of the authorization server's error. */
async function outcome(keys: SigningKeys, jws: string, required = REQUIRED): Promise<string> {
  try {
    await keys.verify(jws, required);
    return 'ok';
  } catch (error) {
    if (error instanceof SignatureError) return error.check;
    if (error instanceof AuthorizationServerError) return error.code;
    throw error;
  }
}

const jws1 = await signed(ec1, { kid: 'k1' });
const jws2 = await signed(ec2, { kid: 'k2' });
const jwk1 = jwkOf(ec1, { kid: 'k1', use: 'sig', alg: 'ES256' });
const jwk2 = jwkOf(ec2, { kid: 'k2', use: 'sig', alg: 'ES256' });
const withoutKid = jwkOf(ec1);

describe('verifying against a real JWKS server', () => {
  const served = { keys: [jwk1, jwkOf(rsa, { kid: 'r1', use: 'sig' })] };
  let server: Server;
  let url: string;
  let asked: string | undefined;
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked = request.headers.accept;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(served));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const overFetch: HttpAdapter = {
    async request({ url, method, headers, timeoutMs }) {
      const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: new Uint8Array(await response.arrayBuffer()),
      };
    },
  };

  it('verifies what the server signed, and nothing else', async () => {
    const { keys, events } = setUp(overFetch, () => Promise.resolve(url));
    const { header, payload } = await keys.verify(jws1, REQUIRED);
    expect(header).toEqual({ alg: 'ES256', typ: TYP, kid: 'k1' });
    expect(payload).toEqual({ sub: 'alice' });
    expect(asked).toBe('application/jwk-set+json, application/json');
    expect(await outcome(keys, await signed(attacker, { kid: 'k1' }))).toBe('signature');
    const jws = await signed(rsa, { kid: 'r1', alg: 'PS256' });
    expect(await outcome(keys, jws, { ...REQUIRED, algorithm: 'PS256' })).toBe('ok');
    expect(events()).toEqual(['debug ok 2']);
  });

  it('starts while the server is down, and recovers (K6)', async () => {
    let address = 'http://127.0.0.1:1/jwks';
    const { keys, clock } = setUp(overFetch, () => address);
    expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
    address = url;
    expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
    clock.now += 30 * SECOND;
    expect(await outcome(keys, jws1)).toBe('ok');
  });
});

describe('what is verified', () => {
  it.each([
    ['RS256', rsa],
    ['RS512', rsa],
    ['PS384', rsa],
    ['ES256', ec1],
    ['ES384', ec('P-384')],
    ['ES512', ec('P-521')],
    ['EdDSA', ed25519],
    ['Ed25519', ed25519],
  ])('verifies %s', async (alg, key) => {
    for (const members of [{}, { use: 'sig', key_ops: ['verify'], alg }]) {
      const { keys } = setUp(new Endpoint(jwkOf(key, members)));
      expect(await outcome(keys, await signed(key, { alg }), { algorithm: alg, types: [TYP] })).toBe('ok');
    }
  });

  it('takes EdDSA and Ed25519 for two names of one key', async () => {
    const { keys } = setUp(new Endpoint(jwkOf(ed25519, { alg: 'EdDSA' })));
    const jws = await signed(ed25519, { alg: 'Ed25519' });
    expect(await outcome(keys, jws, { algorithm: 'Ed25519', types: [TYP] })).toBe('ok');
    expect(await outcome(keys, jws, { algorithm: 'EdDSA', types: [TYP] })).toBe('algorithm');
  });

  const header = { alg: 'ES256', typ: TYP, kid: 'k1' };
  const claims = { active: true };
  const publicPem = createPublicKey(ec1).export({ type: 'spki', format: 'pem' }) as string;
  const hmac = (secret: string) =>
    forge({ ...header, alg: 'HS256' }, claims, (input) =>
      createHmac('sha256', secret).update(input).digest(),
    );
  const raw = (key: KeyObject) => (input: Buffer) =>
    sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });

  it('verifies what the forger of these tests makes, so that its forgeries fail for what they say', async () => {
    const { keys } = setUp(new Endpoint(jwk1));
    expect(await outcome(keys, forge(header, claims, raw(ec1)))).toBe('ok');
  });

  it.each([
    ['alg none', forge({ ...header, alg: 'none' }, claims, Buffer.from('x')), 'algorithm'],
    ['alg None', forge({ ...header, alg: 'None' }, claims, raw(ec1)), 'algorithm'],
    ['alg none without a signature', forge({ ...header, alg: 'none' }, claims, Buffer.alloc(0)), 'header'],
    ['HS256 with the public key', hmac(publicPem), 'algorithm'],
    ['HS256 with the trimmed public key', hmac(publicPem.trim()), 'algorithm'],
    ['ES384 by header', forge({ ...header, alg: 'ES384' }, claims, raw(ec1)), 'algorithm'],
    ['a list of algs', forge({ ...header, alg: ['ES256'] }, claims, raw(ec1)), 'algorithm'],
    ['no alg', forge({ typ: TYP, kid: 'k1' }, claims, raw(ec1)), 'algorithm'],
    ['a zero signature', forge(header, claims, Buffer.alloc(64)), 'signature'],
    ['a signature of r = s = n', forge(header, claims, groupOrderTwice()), 'signature'],
    ['a DER signature', forge(header, claims, (input) => sign('sha256', input, ec1)), 'signature'],
    ['a short signature', forge(header, claims, (input) => raw(ec1)(input).subarray(0, 63)), 'signature'],
    ['another key', forge(header, claims, raw(attacker)), 'signature'],
  ])('refuses %s (J3)', async (_, jws, check) => {
    const { keys } = setUp(new Endpoint(jwk1));
    expect(await outcome(keys, jws)).toBe(check);
  });

  function groupOrderTwice(): Buffer {
    const n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    return Buffer.from(n + n, 'hex');
  }

  it('refuses an altered payload and an altered header (J3)', async () => {
    const { keys } = setUp(new Endpoint(jwk1));
    const [head = '', , signature = ''] = jws1.split('.');
    const payload = Buffer.from('{"sub":"mallory"}').toString('base64url');
    expect(await outcome(keys, [head, payload, signature].join('.'))).toBe('signature');
    const [, good = ''] = jws1.split('.');
    const other = Buffer.from(JSON.stringify({ ...header, x: 1 })).toString('base64url');
    expect(await outcome(keys, [other, good, signature].join('.'))).toBe('signature');
  });

  it('never verifies with a symmetric or unknown algorithm, even when asked to (J3)', async () => {
    const oct = { kty: 'oct', k: Buffer.from(publicPem).toString('base64url'), kid: 'k1' };
    const { keys } = setUp(new Endpoint(oct, jwk1));
    expect(await outcome(keys, hmac(publicPem), { algorithm: 'HS256', types: [TYP] })).toBe('algorithm');
    const none = forge({ ...header, alg: 'none' }, claims, Buffer.from('x'));
    expect(await outcome(keys, none, { algorithm: 'none', types: [TYP] })).toBe('algorithm');
  });

  it.each([
    'at+jwt',
    'JWT',
    'logout+jwt',
    'token-introspection',
    `x-${TYP}`,
    `text/${TYP}`,
    `application/application/${TYP}`,
    `${TYP} `,
    '',
    7,
    null,
    [TYP],
    undefined,
  ])('refuses the type %j (J7)', async (typ) => {
    const endpoint = new Endpoint(jwk1);
    const { keys } = setUp(endpoint);
    expect(await outcome(keys, forge({ ...header, typ }, claims, raw(ec1)))).toBe('type');
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each([TYP, TYP.toUpperCase(), `application/${TYP}`, `Application/${TYP}`])(
    'takes the type %j (J7)',
    async (typ) => {
      const { keys } = setUp(new Endpoint(jwk1));
      const jws = await signed(ec1, { typ, kid: 'k1' });
      expect(await outcome(keys, jws)).toBe('ok');
      expect(await outcome(keys, jws, { ...REQUIRED, types: ['at+jwt', `application/${TYP}`] })).toBe('ok');
      expect(await outcome(keys, jws, { ...REQUIRED, types: ['at+jwt'] })).toBe('type');
    },
  );

  it.each([
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: true },
    { crit: [] },
    { crit: null },
    { kid: 1 },
    { kid: null },
    { kid: {} },
    { kid: ['k1'] },
  ])('refuses %j in the header (J6)', async (members) => {
    const endpoint = new Endpoint(jwk1);
    const { keys } = setUp(endpoint);
    expect(await outcome(keys, forge({ ...header, ...members }, claims, raw(ec1)))).toBe('header');
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each(['jwk', 'jku', 'x5u', 'x5c'])("takes no key from the header's %s (J6)", async (member) => {
    const endpoint = new Endpoint(jwk1);
    const { keys } = setUp(endpoint);
    const value = {
      jwk: jwkOf(attacker),
      jku: 'https://evil.example/jwks',
      x5u: 'https://evil.example',
      x5c: ['MIIB'],
    }[member];
    for (const kid of ['k1', undefined]) {
      expect(await outcome(keys, forge({ ...header, kid, [member]: value }, claims, raw(attacker)))).toBe(
        'signature',
      );
      expect(await outcome(keys, forge({ ...header, kid, [member]: value }, claims, raw(ec1)))).toBe('ok');
    }
    expect(endpoint.requests.every(({ url }) => url === 'https://as.example/jwks')).toBe(true);
  });

  it.each(['../../etc/passwd', "' OR 1=1 --", '__proto__', 'constructor', '', 'K1'])(
    'takes the kid %j for nothing but a name (J6)',
    async (kid) => {
      const { keys } = setUp(new Endpoint(jwk1));
      expect(await outcome(keys, forge({ ...header, kid }, claims, raw(ec1)))).toBe('kid');
    },
  );

  it('refuses what is no compact JWS', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys } = setUp(endpoint);
    const [head = '', payload = '', signature = ''] = jws1.split('.');
    const shapes = [
      '',
      '..',
      `${head}.${payload}`,
      `${jws1}.`,
      `${jws1}.AAAA.AAAA`,
      `${head}..${signature}`,
      `${head}.${payload}.`,
      ` ${jws1}`,
      `${jws1}\n`,
      `${head}.${payload}.${signature}=`,
      `${Buffer.from('[]').toString('base64url')}.${payload}.${signature}`,
      `${Buffer.from('null').toString('base64url')}.${payload}.${signature}`,
      `${Buffer.from('nonsense').toString('base64url')}.${payload}.${signature}`,
      `${Buffer.from('{"alg":"ES256","kid":"\xff"}', 'latin1').toString('base64url')}.${payload}.${signature}`,
    ];
    for (const shape of shapes) expect(await outcome(keys, shape)).toBe('header');
    expect(endpoint.requests).toHaveLength(0);
  });

  it.each([[[]], ['text'], [7], [null]])('refuses the payload %j', async (payload) => {
    const { keys } = setUp(new Endpoint(jwk1));
    expect(await outcome(keys, await signed(ec1, { kid: 'k1' }, payload))).toBe('payload');
  });

  it('says nothing of the message in its errors', async () => {
    const { keys, lines } = setUp(new Endpoint(jwk1));
    const jws = await signed(attacker, { kid: 'SPAM' }, { sub: 'SPAM' });
    const error: unknown = await keys.verify(jws, REQUIRED).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SignatureError);
    expect((error as Error).cause).toBeUndefined();
    expect(String(error) + JSON.stringify(lines)).not.toContain('SPAM');
  });
});

describe('which keys are used', () => {
  const { d } = ec1.export({ format: 'jwk' });
  const { n } = jwkOf(rsa);
  const rsaMessage = () => signed(rsa, { kid: 'k1', alg: 'RS256' });

  it.each([
    ['oct', 'symmetric', { kty: 'oct', k: 'AAAA', kid: 'k1' }],
    ['a private key', 'private', { ...jwk1, d }],
    ['a key with an empty private member', 'private', { ...jwk1, d: null }],
    ['use enc', 'not_for_signatures', { ...jwk1, use: 'enc' }],
    ['key_ops without verify', 'not_for_signatures', { ...jwk1, key_ops: ['encrypt'] }],
    ['key_ops as text', 'not_for_signatures', { ...jwk1, key_ops: 'verify' }],
    ['an unknown kty', 'unknown_kind', { ...jwk1, kty: 'AKP' }],
    ['an unknown curve', 'unknown_kind', { ...jwk1, crv: 'secp256k1' }],
    ['X25519', 'unknown_kind', jwkOf(generateKeyPairSync('x25519').privateKey, { kid: 'k1' })],
    ['no kty', 'unknown_kind', { kid: 'k1' }],
    ['a number for x', 'malformed', { ...jwk1, x: 7 }],
    ['an empty y', 'malformed', { ...jwk1, y: '' }],
    ['RSA without n', 'malformed', { kty: 'RSA', e: 'AQAB', kid: 'k1' }],
    ['null', 'malformed', null],
    ['an array', 'malformed', [jwk1]],
    ['text', 'malformed', 'k1'],
  ])('drops %s beside good keys (K5)', async (_, reason, bad) => {
    const { keys, lines, events } = setUp(new Endpoint(bad, jwk2));
    expect(await outcome(keys, jws1)).toBe('kid');
    expect(await outcome(keys, jws2)).toBe('ok');
    expect(events()[0]).toBe('warn ok 1');
    expect(lines[0]?.fields.dropped).toEqual({ [reason]: 1 });
  });

  it.each([
    ['of 1024 bits', jwkOf(rsaWeak)],
    ['of 2047 bits', { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(256, 0x7f).toString('base64url') }],
    [
      'padded to 2048 bits',
      {
        ...jwkOf(rsaWeak),
        n: Buffer.concat([Buffer.alloc(128), Buffer.alloc(128, 255)]).toString('base64url'),
      },
    ],
    ['with e = 1', { kty: 'RSA', n, e: 'AQ' }],
    ['with e = 1, padded', { kty: 'RSA', n, e: 'AAAAAQ' }],
    ['with an even e', { kty: 'RSA', n, e: 'AQAA' }],
    ['with e = 0', { kty: 'RSA', n, e: 'AA' }],
  ])('drops an RSA key %s (K5)', async (_, jwk) => {
    const { keys, lines } = setUp(new Endpoint({ ...jwk, kid: 'k1' }, jwk2));
    expect(await outcome(keys, await rsaMessage(), { ...REQUIRED, algorithm: 'RS256' })).toBe('kid');
    expect(lines[0]?.fields.dropped).toEqual({ weak_rsa: 1 });
  });

  it('warns once of what it drops, by reason, and again only when that changes (K5)', async () => {
    const enc = { ...jwk2, use: 'enc' };
    const endpoint = new Endpoint({ kty: 'oct' }, enc, enc, jwk1);
    const { keys, clock, lines, events } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    expect(lines[0]?.message).toContain('not_for_signatures: 2, symmetric: 1');
    clock.now += 10 * MINUTE;
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(enc, jwk1);
    clock.now += 10 * MINUTE;
    await keys.verify(jws1, REQUIRED);
    expect(events()).toEqual(['warn ok 1', 'debug ok 1', 'warn ok 1']);
  });

  it('imports a key by its numbers alone (K5)', async () => {
    const { keys } = setUp(new Endpoint({ ...jwk1, ext: 'yes', key_ops: ['verify', 'verify'] }));
    expect(await outcome(keys, jws1)).toBe('ok');
  });

  it('passes over a key whose numbers are none, and tries the next (K5)', async () => {
    const broken = { ...jwk1, x: 'A'.repeat(43), y: 'A'.repeat(43) };
    const { keys } = setUp(new Endpoint(broken, jwk1));
    expect(await outcome(keys, jws1)).toBe('ok');
  });

  it('tries each of several keys with one kid, four at most (K5)', async () => {
    const other = { ...jwk2, kid: 'k1' };
    const { keys } = setUp(new Endpoint(other, { ...jwkOf(rsa), kid: 'k1' }, other, other, jwk1));
    expect(await outcome(keys, jws1)).toBe('ok');
    const { keys: tooMany } = setUp(new Endpoint(other, other, other, other, jwk1));
    expect(await outcome(tooMany, jws1)).toBe('signature');
  });

  it('tries every fitting key where the message names none, four at most (K5)', async () => {
    const jws = await signed(ec1);
    const other = jwkOf(ec2);
    const unfit = [jwkOf(rsa), jwkOf(ec('P-384')), jwkOf(ec1, { alg: 'ES384' }), jwkOf(ed25519)];
    expect(await outcome(setUp(new Endpoint(withoutKid)).keys, jws)).toBe('ok');
    expect(await outcome(setUp(new Endpoint(...unfit, other, other, jwk2, jwk1)).keys, jws)).toBe('ok');
    expect(await outcome(setUp(new Endpoint(other, other, other, other, jwk1)).keys, jws)).toBe('signature');
    expect(await outcome(setUp(new Endpoint(...unfit)).keys, jws)).toBe('kid');
  });

  it('takes a key only for the algorithm and kid that it names (K5)', async () => {
    const { keys } = setUp(new Endpoint({ ...jwk1, alg: 'ES384' }, withoutKid));
    expect(await outcome(keys, jws1)).toBe('kid');
    const forRs = setUp(new Endpoint(jwkOf(rsa, { kid: 'k1', alg: 'RS256' })));
    const jws = await signed(rsa, { kid: 'k1', alg: 'PS256' });
    expect(await outcome(forRs.keys, jws, { ...REQUIRED, algorithm: 'PS256' })).toBe('kid');
    expect(await outcome(forRs.keys, await rsaMessage(), { ...REQUIRED, algorithm: 'RS256' })).toBe('ok');
  });

  it('does not share keys between two authorization servers (K7)', async () => {
    const a = setUp(new Endpoint(jwk1));
    const b = setUp(new Endpoint({ ...jwk2, kid: 'k1' }));
    expect(await outcome(a.keys, jws1)).toBe('ok');
    expect(await outcome(b.keys, jws1)).toBe('signature');
    const c = setUp(new Endpoint());
    expect(await outcome(c.keys, jws1)).toBe('kid');
  });
});

describe('fetching the keys', () => {
  it('fetches once for many messages (K1)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await Promise.all(Array.from({ length: 20 }, () => keys.verify(jws1, REQUIRED)));
    clock.now += 5 * MINUTE - 1;
    await keys.verify(jws1, REQUIRED);
    expect(endpoint.requests).toHaveLength(1);
    expect(endpoint.requests[0]).toMatchObject({
      method: 'GET',
      url: 'https://as.example/jwks',
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
  });

  it('refreshes in the background from five minutes on, while the old keys serve (K1)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    clock.now += 5 * MINUTE;
    let respond: (response: HttpResponse) => void = () => undefined;
    endpoint.answer = () => new Promise((resolve) => (respond = resolve));
    await Promise.all([keys.verify(jws1, REQUIRED), keys.verify(jws1, REQUIRED)]);
    await keys.verify(jws1, REQUIRED);
    expect(endpoint.requests).toHaveLength(2);
    respond(json({ keys: [jwk2] }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await outcome(keys, jws2)).toBe('ok');
    expect(await outcome(keys, jws1)).toBe('kid');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('lets a failed background refresh harm nobody (K1)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock, events } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.goDown();
    clock.now += 6 * MINUTE;
    for (let i = 0; i < 10; i++) expect(await outcome(keys, jws1)).toBe('ok');
    expect(endpoint.requests).toHaveLength(2);
    expect(events()).toEqual(['debug ok 1', 'warn failed 1']);
  });

  it('waits for a new set once the old one is ten minutes old: a revoked key goes (K4)', async () => {
    const endpoint = new Endpoint(jwk1, jwk2);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(jwk2);
    clock.now += 10 * MINUTE;
    expect(await outcome(keys, jws1)).toBe('kid');
    expect(await outcome(keys, jws2)).toBe('ok');
  });

  it('forgets at once by purge(), even what is under way (K4)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(jwk2);
    keys.purge();
    expect(await outcome(keys, jws1)).toBe('kid');
    expect(endpoint.requests).toHaveLength(2);

    clock.now += 5 * MINUTE;
    let respond: (response: HttpResponse) => void = () => undefined;
    endpoint.answer = () => new Promise((resolve) => (respond = resolve));
    expect(await outcome(keys, jws2)).toBe('ok');
    keys.purge();
    endpoint.publish(jwk1);
    expect(await outcome(keys, jws1)).toBe('ok');
    respond(json({ keys: [jwk2] }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await outcome(keys, jws1)).toBe('ok');
    expect(endpoint.requests).toHaveLength(4);
  });

  it('counts the age of a set from the start of its fetch (K4)', async () => {
    const endpoint = new Endpoint();
    const { keys, clock } = setUp(endpoint);
    endpoint.answer = () => {
      clock.now += 4 * SECOND;
      return json({ keys: [jwk1] });
    };
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(jwk2);
    clock.now += 10 * MINUTE - 4 * SECOND;
    expect(await outcome(keys, jws1)).toBe('kid');
  });

  it('serves the old keys for an hour while the endpoint is down, asking every 30 seconds (K1)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.goDown();
    clock.now += 10 * MINUTE;
    const before = endpoint.requests.length;
    for (let second = 10 * 60; second < 60 * 60; second += 10) {
      expect(await outcome(keys, jws1)).toBe('ok');
      clock.now += 10 * SECOND;
    }
    expect(endpoint.requests.length - before).toBe((50 * MINUTE) / (30 * SECOND));
    expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
    endpoint.publish(jwk1);
    clock.now += 30 * SECOND;
    expect(await outcome(keys, jws1)).toBe('ok');
  });

  it('serves the old keys when they are asked for again only after long, and the endpoint is down (K1)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.goDown();
    clock.now += 59 * MINUTE;
    expect(await outcome(keys, jws1)).toBe('ok');
    expect(endpoint.requests).toHaveLength(2);
    clock.now += MINUTE;
    expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
  });

  it('lets nobody wait for an endpoint that hangs, as long as there are keys (K1)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.goDown();
    clock.now += 11 * MINUTE;
    await keys.verify(jws1, REQUIRED);
    endpoint.answer = () => new Promise(() => undefined);
    clock.now += 31 * SECOND;
    expect(await outcome(keys, jws1)).toBe('ok');
    expect(endpoint.requests).toHaveLength(3);
    expect(await outcome(keys, jws1)).toBe('ok');
  });

  it('fetches once for 50 unknown kids at a time, and once in 30 seconds (K2)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock, events } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    clock.now += MINUTE;
    const flood = await Promise.all(Array.from({ length: 50 }, (_, i) => signed(attacker, { kid: `x${i}` })));
    const together = await Promise.all(flood.map((jws) => outcome(keys, jws)));
    expect(new Set(together)).toEqual(new Set(['kid']));
    expect(endpoint.requests).toHaveLength(2);
    clock.now += 30 * SECOND - 1;
    for (const jws of flood) expect(await outcome(keys, jws)).toBe('kid');
    expect(endpoint.requests).toHaveLength(2);
    expect(events()).toEqual(['debug ok 1', 'debug ok 1', 'info throttled 1']);
    clock.now += 1;
    for (const jws of flood) expect(await outcome(keys, jws)).toBe('kid');
    expect(endpoint.requests).toHaveLength(3);
  });

  it('fetches once for 50 messages while the endpoint is down (K2)', async () => {
    const endpoint = new Endpoint();
    endpoint.goDown();
    const { keys, clock, events, lines } = setUp(endpoint);
    for (let i = 0; i < 50; i++) expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
    expect(endpoint.requests).toHaveLength(1);
    expect(events()).toEqual(['warn failed 0', 'info throttled 0']);
    expect(lines.filter(({ fields }) => fields.event === 'as.unavailable')).toHaveLength(1);
    clock.now += 10_500;
    await expect(keys.verify(jws1, REQUIRED)).rejects.toMatchObject({
      code: 'ERR_AS_UNAVAILABLE',
      retryAfter: 20,
    });
    clock.now += 19_500;
    expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('fetches once for 50 unknown kids while the endpoint is down, and known ones are served (K2)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.goDown();
    clock.now += MINUTE;
    for (let i = 0; i < 50; i++) {
      const jws = await signed(attacker, { kid: `x${i}` });
      expect(await outcome(keys, jws)).toBe('ERR_AS_UNAVAILABLE');
      expect(await outcome(keys, jws1)).toBe('ok');
    }
    expect(endpoint.requests).toHaveLength(2);
  });

  it('measures the cooldown from the start of a fetch (K2)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    endpoint.answer = () => {
      clock.now += 25 * SECOND;
      return json({ keys: [jwk1] });
    };
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(jwk1, jwk2);
    clock.now += 4 * SECOND;
    expect(await outcome(keys, jws2)).toBe('kid');
    clock.now += SECOND;
    expect(await outcome(keys, jws2)).toBe('ok');
  });

  it('keeps the cooldown after an empty set (K2)', async () => {
    const endpoint = new Endpoint();
    const { keys, clock } = setUp(endpoint);
    for (let i = 0; i < 50; i++) expect(await outcome(keys, jws1)).toBe('kid');
    expect(endpoint.requests).toHaveLength(1);
    endpoint.publish(jwk1);
    clock.now += 30 * SECOND;
    expect(await outcome(keys, jws1)).toBe('ok');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('shares a failed fetch with those who wait for it, and with nobody later (C7)', async () => {
    const endpoint = new Endpoint();
    endpoint.goDown();
    const { keys, clock } = setUp(endpoint);
    const all = await Promise.all(Array.from({ length: 5 }, () => outcome(keys, jws1)));
    expect(new Set(all)).toEqual(new Set(['ERR_AS_UNAVAILABLE']));
    expect(endpoint.requests).toHaveLength(1);
    endpoint.publish(jwk1);
    clock.now += 30 * SECOND;
    expect(await outcome(keys, jws1)).toBe('ok');
  });

  it('accepts a new key at once after a quiet time (K3)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(jwk1, jwk2);
    clock.now += 30 * SECOND;
    expect(await outcome(keys, jws2)).toBe('ok');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('accepts a new key 30 seconds late at worst (K3)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    endpoint.publish(jwk1, jwk2);
    clock.now += 30 * SECOND - 1;
    expect(await outcome(keys, jws2)).toBe('kid');
    clock.now += 1;
    expect(await outcome(keys, jws2)).toBe('ok');
  });

  it('accepts a new key of a server that names none (K3)', async () => {
    const endpoint = new Endpoint(withoutKid);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(await signed(ec1), REQUIRED);
    endpoint.publish(jwkOf(ec2));
    expect(await outcome(keys, await signed(ec2))).toBe('signature');
    clock.now += 30 * SECOND;
    expect(await outcome(keys, await signed(ec2))).toBe('ok');
    expect(await outcome(keys, await signed(attacker))).toBe('signature');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('tells an unknown kid from an endpoint that is down, once it is up again (K2)', async () => {
    const endpoint = new Endpoint();
    endpoint.goDown();
    const { keys, clock } = setUp(endpoint);
    expect(await outcome(keys, jws2)).toBe('ERR_AS_UNAVAILABLE');
    endpoint.publish(jwk1);
    clock.now += 30 * SECOND;
    expect(await outcome(keys, jws2)).toBe('kid');
    expect(await outcome(keys, jws2)).toBe('kid');
    expect(endpoint.requests).toHaveLength(2);
  });

  it('does not ask again for a bad signature under a known kid (K2)', async () => {
    const endpoint = new Endpoint(jwk1);
    const { keys, clock } = setUp(endpoint);
    await keys.verify(jws1, REQUIRED);
    clock.now += MINUTE;
    expect(await outcome(keys, await signed(attacker, { kid: 'k1' }))).toBe('signature');
    expect(endpoint.requests).toHaveLength(1);
  });

  it.each([
    ['ERR_AS_UNAVAILABLE', json({ keys: [jwk1] }, 500)],
    ['ERR_AS_UNAVAILABLE', json({ keys: [jwk1] }, 404)],
    ['ERR_AS_UNTRUSTED_RESPONSE', json({ keys: [jwk1] }, 302)],
    ['ERR_AS_UNTRUSTED_RESPONSE', json({ keys: [jwk1] }, 204)],
    ['ERR_AS_UNTRUSTED_RESPONSE', json([jwk1])],
    ['ERR_AS_UNTRUSTED_RESPONSE', json({ keys: { k1: jwk1 } })],
    ['ERR_AS_UNTRUSTED_RESPONSE', json({})],
    ['ERR_AS_UNTRUSTED_RESPONSE', { status: 200, headers: {}, body: new TextEncoder().encode('<html>') }],
  ])(
    'answers %s to what is no key set, keeps its old one, and names the setting (A5, A8)',
    async (code, response) => {
      const endpoint = new Endpoint();
      endpoint.answer = () => response;
      const { keys, clock, lines } = setUp(endpoint);
      expect(await outcome(keys, jws1)).toBe(code);
      expect(lines[0]?.message).toContain('OIDC_OP_JWKS_ENDPOINT');
      clock.now += 30 * SECOND;
      endpoint.publish(jwk1);
      expect(await outcome(keys, jws1)).toBe('ok');
      endpoint.answer = () => response;
      clock.now += 10 * MINUTE;
      expect(await outcome(keys, jws1)).toBe('ok');
    },
  );

  it('counts an address that cannot be had as a failed fetch (K2)', async () => {
    let asked = 0;
    const unavailable = new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'no discovery');
    const { keys, events } = setUp(new Endpoint(jwk1), () => {
      asked += 1;
      throw unavailable;
    });
    await expect(keys.verify(jws1, REQUIRED)).rejects.toBe(unavailable);
    expect(await outcome(keys, jws1)).toBe('ERR_AS_UNAVAILABLE');
    expect(asked).toBe(1);
    expect(events()).toEqual(['warn failed 0', 'info throttled 0']);
  });

  it('keeps time by a clock that the wall clock does not move (X5)', async () => {
    const http = new Endpoint(jwk1);
    const logger: Logger = { debug: noop, info: noop, warn: noop, error: noop };
    const exchange = new Exchange({ http, logger, timeoutMs: 1000 });
    const keys = new SigningKeys({ exchange, url: () => 'https://as.example/jwks', logger });
    await keys.verify(jws1, REQUIRED);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * 60 * MINUTE });
    await keys.verify(jws1, REQUIRED).finally(() => vi.useRealTimers());
    expect(http.requests).toHaveLength(1);
  });

  function noop(): void {
    // Nothing is logged.
  }
});
