import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { jwksEndpoint } from '../../src/endpoint/jwks.ts';
import { PrivateKeys } from '../../src/key/private-keys.ts';
import { Secret } from '../../src/secret.ts';
import type { Answer } from '../../src/types.ts';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});
const { keys } = PrivateKeys.read({
  pem: new Secret(pem as string),
  keyType: 'EC',
  algorithm: 'ECDH-ES',
  encoding: 'A256GCM',
});
const endpoint = jwksEndpoint(keys.publicJwkSet);

async function ask(method = 'GET', ...rawHeaders: string[]): Promise<Answer> {
  return endpoint.respond({ method, url: '/jwks', rawHeaders });
}
const { etag = '' } = (await ask()).headers as Record<string, string>;

describe('the JWKS endpoint', () => {
  it('publishes the public keys to anyone, cacheable, with an ETag (P3)', async () => {
    const { status, headers, body } = await ask();
    expect(endpoint.path).toBe('/jwks');
    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': 'application/jwk-set+json',
      'cache-control': 'public, max-age=300',
      etag: expect.stringMatching(/^"[A-Za-z0-9_-]{43}"$/) as string,
    });
    expect(JSON.parse(body)).toEqual(keys.publicJwkSet);
  });

  it('publishes no private member (P1)', async () => {
    const { body } = await ask();
    expect(Object.keys((JSON.parse(body) as { keys: [object] }).keys[0]).sort()).toEqual(
      ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'], // no d
    );
  });

  it('publishes an empty set without a key', async () => {
    const answer = await jwksEndpoint({ keys: [] }).respond({ method: 'GET', url: '/jwks', rawHeaders: [] });
    expect(answer).toMatchObject({ status: 200, body: '{"keys":[]}' });
    expect(answer.headers.etag).not.toBe(etag);
  });

  it('makes its answers once, frozen (P3)', async () => {
    for (const request of [['GET'], ['HEAD'], ['POST'], ['GET', 'If-None-Match', '*']] as const) {
      const answer = await ask(...request);
      expect(await ask(...request)).toBe(answer);
      expect(Object.isFrozen(answer) && Object.isFrozen(answer.headers)).toBe(true);
    }
  });

  it('answers HEAD as GET, without a body', async () => {
    const { headers } = await ask();
    expect(await ask('HEAD')).toEqual({ status: 200, headers, body: '' });
  });

  it.each([[etag], [`W/${etag}`], ['*'], [' * '], [`"other", ${etag}`], [`"a,b",W/"c" , W/${etag},"d"`]])(
    'answers 304 to If-None-Match: %s',
    async (value) => {
      const answer = {
        status: 304,
        headers: { 'cache-control': 'public, max-age=300', etag },
        body: '',
      };
      expect(await ask('GET', 'Host', 'a', 'If-None-Match', value)).toEqual(answer);
      expect(await ask('HEAD', 'if-none-match', value)).toEqual(answer);
    },
  );

  it('joins several If-None-Match headers', async () => {
    const { status } = await ask('GET', 'If-None-Match', '"other"', 'IF-NONE-MATCH', etag);
    expect(status).toBe(304);
  });

  it.each([[''], ['"other"'], [etag.replaceAll('"', '')], [etag.toLowerCase()], ['"*"'], ['*, "other"']])(
    'answers 200 to If-None-Match: %s',
    async (value) => {
      expect((await ask('GET', 'If-None-Match', value)).status).toBe(200);
    },
  );

  it('reads the tag from its own header alone', async () => {
    expect((await ask('GET', 'If-Match', etag, 'X', 'If-None-Match', etag, 'X')).status).toBe(200);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'get', ''])(
    'answers 405 to %s',
    async (method) => {
      expect(await ask(method, 'If-None-Match', '*')).toEqual({
        status: 405,
        headers: { allow: 'GET, HEAD', 'cache-control': 'no-store' },
        body: '',
      });
    },
  );
});
