import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compactDecrypt, createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import type { CryptoKey, JWTVerifyResult } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import type { AuthorizationServerOptions, TestAuthorizationServer } from './authorization-server.ts';
import { startAuthorizationServer } from './authorization-server.ts';
import { introspect } from './introspection.ts';

const anInstant: unknown = expect.any(Number);

let server: TestAuthorizationServer;
afterEach(() => server.stop());

async function start(options?: AuthorizationServerOptions): Promise<void> {
  server = await startAuthorizationServer(options);
}

async function encryptionKey(alg: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, use: 'enc', kid: 'of-the-api' } };
}

const rsa = encryptionKey('RSA-OAEP');

async function decrypt(jwe: string, privateKey: CryptoKey) {
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey);
  return { protectedHeader, jws: new TextDecoder().decode(plaintext) };
}

function verify(jws: string, alg = 'ES256'): Promise<JWTVerifyResult> {
  return jwtVerify(jws, createRemoteJWKSet(new URL(server.endpoints.jwks)), {
    issuer: server.url,
    audience: 'api-jwt',
    typ: 'token-introspection+jwt',
    algorithms: [alg],
  });
}

describe('the signed and encrypted introspection of the test authorization server', () => {
  it('is signed by a published key, inside an envelope for the API', async () => {
    const { privateKey, jwk } = await rsa;
    await start({ encryptionJwks: { keys: [jwk] } });
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'], resource: 'urn:an:api' });
    const { status, type, text } = await introspect(server, accessToken, { api: 'jwt' });
    expect(status).toBe(200);
    expect(type).toBe('application/token-introspection+jwt; charset=utf-8');

    const { protectedHeader, jws } = await decrypt(text, privateKey);
    expect(protectedHeader).toEqual({
      alg: 'RSA-OAEP',
      enc: 'A256GCM',
      cty: 'JWT',
      kid: 'of-the-api',
      iss: server.url,
      aud: 'api-jwt',
    });
    expect((await verify(jws)).payload).toEqual({
      iss: server.url,
      aud: 'api-jwt',
      iat: anInstant,
      token_introspection: {
        active: true,
        sub: 'alice',
        client_id: 'spa',
        exp: anInstant,
        iat: anInstant,
        iss: server.url,
        aud: 'urn:an:api',
        scope: 'groups',
        token_type: 'Bearer',
      },
    });
  });

  it('says of a dead token in the same envelope that it is inactive', async () => {
    const { privateKey, jwk } = await rsa;
    await start({ encryptionJwks: { keys: [jwk] } });
    const { text } = await introspect(server, 'unknown', { api: 'jwt' });
    const { payload } = await verify((await decrypt(text, privateKey)).jws);
    expect(payload.token_introspection).toEqual({ active: false });
  });

  it('is refused as plain JSON where a key is registered', async () => {
    const { jwk } = await rsa;
    await start({ encryptionJwks: { keys: [jwk] } });
    const answer = await introspect(server, 'any', { api: 'jwt', accept: 'application/json' });
    expect(answer).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });

  it('reads the key where the API publishes it, for other algorithms too', async () => {
    const { privateKey, jwk } = await encryptionKey('ECDH-ES+A256KW');
    const api = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    api.listen(0, '127.0.0.1');
    await once(api, 'listening');
    try {
      await start({
        encryptionJwksUri: `http://127.0.0.1:${(api.address() as AddressInfo).port}/jwks`,
        encryptionAlg: 'ECDH-ES+A256KW',
        encryptionEnc: 'A128GCM',
        signingAlg: 'RS256',
      });
      const { text } = await introspect(server, 'any', { api: 'jwt' });
      const { protectedHeader, jws } = await decrypt(text, privateKey);
      expect(protectedHeader).toMatchObject({ alg: 'ECDH-ES+A256KW', enc: 'A128GCM' });
      expect((await verify(jws, 'RS256')).payload.token_introspection).toEqual({ active: false });
    } finally {
      api.close();
      api.closeAllConnections();
    }
  });

  it('fails where the API has no key of the right kind', async () => {
    await start({ encryptionJwks: { keys: [] } });
    const answer = await introspect(server, 'any', { api: 'jwt' });
    expect(answer).toMatchObject({ status: 400, json: { error: 'invalid_client_metadata' } });
  });

  it('is signed only where there is no key', async () => {
    await start();
    const { text } = await introspect(server, 'unknown', { api: 'jwt' });
    expect((await verify(text)).payload.token_introspection).toEqual({ active: false });
  });

  it('is signed by the new key after a rotation, and the old one is no longer published', async () => {
    await start();
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'] });
    const ask = async () => verify((await introspect(server, accessToken, { api: 'jwt' })).text);
    const before = await ask();
    await server.rotateKeys();
    const after = await ask();
    expect(after.payload.token_introspection).toMatchObject({ active: true, sub: 'alice' });
    expect(after.protectedHeader.kid).not.toBe(before.protectedHeader.kid);
    expect(await (await fetch(server.endpoints.jwks)).text()).not.toContain(before.protectedHeader.kid);
  });
});
