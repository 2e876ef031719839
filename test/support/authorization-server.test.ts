import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import {
  calculateJwkThumbprint,
  compactDecrypt,
  createRemoteJWKSet,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
} from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuthorizationServerOptions, TestAuthorizationServer } from './authorization-server.ts';
import { startAuthorizationServer } from './authorization-server.ts';
import { logIn } from './person.ts';

type Api = 'json' | 'json-post' | 'jwt';
const jwt = 'application/token-introspection+jwt';
const resource = 'https://api.example.org/';

let server: TestAuthorizationServer;
beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.stop());

function basic(clientId: string, secret: string): Record<string, string> {
  const pair = [clientId, secret].map(encodeURIComponent).join(':');
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function ask(token: string, api: Api = 'json', accept = 'application/json', at = server) {
  const settings = at.settingsFor(api);
  const [id, secret] = [settings.OIDC_RS_CLIENT_ID ?? '', settings.OIDC_RS_CLIENT_SECRET ?? ''];
  const inBody: Record<string, string> = api === 'json-post' ? { client_id: id, client_secret: secret } : {};
  const response = await fetch(at.endpoints.introspection, {
    method: 'POST',
    headers: { accept, ...(api !== 'json-post' && basic(id, secret)) },
    body: new URLSearchParams({ token, ...inBody }),
  });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

async function claimsOf(token: string): Promise<Record<string, unknown>> {
  const { status, body } = await ask(token);
  expect(status).toBe(200);
  return JSON.parse(body) as Record<string, unknown>;
}

const anInstant: unknown = expect.any(Number);

describe('the JSON introspection of the test authorization server', () => {
  it('calls a token active and says whose it is', async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['openid', 'groups'] });
    expect(await claimsOf(accessToken)).toEqual({
      active: true,
      sub: 'alice',
      client_id: 'spa',
      exp: anInstant,
      iat: anInstant,
      iss: server.url,
      scope: 'openid groups',
      token_type: 'Bearer',
    });
  });

  it('calls an unknown and an expired token inactive, and says no more', async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'], expiresIn: -1 });
    expect(await claimsOf('unknown')).toEqual({ active: false });
    expect(await claimsOf(accessToken)).toEqual({ active: false });
  });

  it('calls a refresh token active too, without a token_type', async () => {
    const { refreshToken = '' } = await server.tokenFor('alice', { scopes: ['groups', 'offline_access'] });
    const claims = await claimsOf(refreshToken);
    expect(claims).toMatchObject({ active: true, sub: 'alice', client_id: 'spa' });
    expect(claims).not.toHaveProperty('token_type');
  });

  it('names the audience where a resource was asked for', async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'], resource });
    expect(await claimsOf(accessToken)).toMatchObject({ active: true, aud: resource, scope: 'groups' });
  });

  it('names the key that a token is bound to', async () => {
    const { publicKey } = await generateKeyPair('ES256');
    const dpopJkt = await calculateJwkThumbprint(await exportJWK(publicKey));
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'], dpopJkt });
    expect(await claimsOf(accessToken)).toMatchObject({ token_type: 'DPoP', cnf: { jkt: dpopJkt } });
  });

  it("has no sub for a client's own token", async () => {
    const claims = await claimsOf(await server.clientToken({ scopes: ['groups'] }));
    expect(claims).toMatchObject({ active: true, client_id: 'robot', scope: 'groups' });
    expect(claims).not.toHaveProperty('sub');
    expect(await claimsOf(await server.clientToken({ scopes: ['groups'], resource }))).toMatchObject({
      aud: resource,
    });
  });

  it('issues a token of another client on request', async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'], client: 'robot' });
    expect(await claimsOf(accessToken)).toMatchObject({ sub: 'alice', client_id: 'robot' });
    await expect(server.tokenFor('alice', { scopes: [], client: 'nobody' })).rejects.toThrow('nobody');
  });

  it('refuses to look at a JWT', async () => {
    const { idToken = '' } = await server.tokenFor('alice', { scopes: ['openid'] });
    const { status, body } = await ask(idToken);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: 'unsupported_token_type' });
  });

  it('refuses a wrong secret, and one that is not form-urlencoded', async () => {
    const secret = server.settingsFor('json').OIDC_RS_CLIENT_SECRET ?? '';
    const headers = [
      basic('api-json', 'wrong'),
      { authorization: `Basic ${Buffer.from(`api-json:${secret}`).toString('base64')}` },
    ];
    for (const header of headers) {
      const body = new URLSearchParams({ token: 'any' });
      const response = await fetch(server.endpoints.introspection, { method: 'POST', headers: header, body });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: 'invalid_client' });
    }
  });

  it("takes api-json-post's secret in the body alone", async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'] });
    expect(JSON.parse((await ask(accessToken, 'json-post')).body)).toMatchObject({ active: true });

    const { OIDC_RS_CLIENT_SECRET: secret = '' } = server.settingsFor('json-post');
    const response = await fetch(server.endpoints.introspection, {
      method: 'POST',
      headers: basic('api-json-post', secret),
      body: new URLSearchParams({ token: accessToken }),
    });
    expect(response.status).toBe(401);
  });

  it('calls a revoked token inactive, and the other tokens of its grant', async () => {
    const { accessToken, refreshToken = '' } = await server.tokenFor('alice', {
      scopes: ['groups', 'offline_access'],
    });
    const others = await server.tokenFor('alice', { scopes: ['groups'] });
    await server.revoke(accessToken);
    expect(await claimsOf(accessToken)).toEqual({ active: false });
    expect(await claimsOf(refreshToken)).toEqual({ active: false });
    expect(await claimsOf(others.accessToken)).toMatchObject({ active: true });

    const clientToken = await server.clientToken({ scopes: ['groups'] });
    await server.revoke(clientToken);
    expect(await claimsOf(clientToken)).toEqual({ active: false });
  });

  it('tells nothing to a client that is no API', async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'] });
    const body = new URLSearchParams({ token: accessToken, client_id: 'spa' });
    const response = await fetch(server.endpoints.introspection, { method: 'POST', body });
    expect(await response.json()).toEqual({ active: false });
  });
});

describe('its signed and encrypted introspection', () => {
  const verify = (jws: string, at: TestAuthorizationServer) =>
    jwtVerify(jws, createRemoteJWKSet(new URL(at.endpoints.jwks)), {
      issuer: at.url,
      audience: 'api-jwt',
      typ: 'token-introspection+jwt',
      algorithms: ['ES256'],
    });

  async function withServer(
    options: AuthorizationServerOptions,
    run: (at: TestAuthorizationServer) => Promise<void>,
  ): Promise<void> {
    const at = await startAuthorizationServer(options);
    try {
      await run(at);
    } finally {
      await at.stop();
    }
  }

  async function encryptionKey(alg: string) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, use: 'enc', kid: 'of-the-api' } };
  }

  it('is signed by a published key, inside an envelope for the API', async () => {
    const { privateKey, jwk } = await encryptionKey('RSA-OAEP');
    await withServer({ encryptionJwks: { keys: [jwk] } }, async (at) => {
      const { accessToken } = await at.tokenFor('alice', { scopes: ['groups'], resource });
      const { type, body } = await ask(accessToken, 'jwt', jwt, at);
      expect(type).toBe(`${jwt}; charset=utf-8`);

      const envelope = await compactDecrypt(body, privateKey);
      expect(envelope.protectedHeader).toEqual({
        alg: 'RSA-OAEP',
        enc: 'A256GCM',
        cty: 'JWT',
        kid: 'of-the-api',
        iss: at.url,
        aud: 'api-jwt',
      });
      const { payload } = await verify(new TextDecoder().decode(envelope.plaintext), at);
      expect(payload).toEqual({
        iss: at.url,
        aud: 'api-jwt',
        iat: anInstant,
        token_introspection: {
          active: true,
          sub: 'alice',
          client_id: 'spa',
          exp: anInstant,
          iat: anInstant,
          iss: at.url,
          aud: resource,
          scope: 'groups',
          token_type: 'Bearer',
        },
      });

      const dead = await compactDecrypt((await ask('unknown', 'jwt', jwt, at)).body, privateKey);
      const answer = await verify(new TextDecoder().decode(dead.plaintext), at);
      expect(answer.payload.token_introspection).toEqual({ active: false });
    });
  });

  it('is refused as plain JSON where a key is registered', async () => {
    const { jwk } = await encryptionKey('RSA-OAEP');
    await withServer({ encryptionJwks: { keys: [jwk] } }, async (at) => {
      const { status, body } = await ask('any', 'jwt', 'application/json', at);
      expect(status).toBe(400);
      expect(JSON.parse(body)).toMatchObject({ error: 'invalid_request' });
    });
  });

  it('reads the key where the API publishes it', async () => {
    const { privateKey, jwk } = await encryptionKey('ECDH-ES+A256KW');
    const api = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    api.listen(0, '127.0.0.1');
    await once(api, 'listening');
    const encryptionJwksUri = `http://127.0.0.1:${(api.address() as AddressInfo).port}/jwks`;
    const options = { encryptionJwksUri, encryptionAlg: 'ECDH-ES+A256KW', encryptionEnc: 'A128GCM' } as const;
    try {
      await withServer(options, async (at) => {
        const envelope = await compactDecrypt((await ask('any', 'jwt', jwt, at)).body, privateKey);
        expect(envelope.protectedHeader).toMatchObject({ alg: 'ECDH-ES+A256KW', enc: 'A128GCM' });
      });
    } finally {
      api.close();
      api.closeAllConnections();
    }
  });

  it('is signed only where there is no key', async () => {
    const { body } = await ask('unknown', 'jwt', jwt);
    const { payload } = await verify(body, server);
    expect(payload.token_introspection).toEqual({ active: false });
  });

  it('is signed by the new key after a rotation, and the old one is no longer published', async () => {
    const { accessToken } = await server.tokenFor('alice', { scopes: ['groups'] });
    const before = decodeProtectedHeader((await ask(accessToken, 'jwt', jwt)).body).kid;
    await server.rotateKeys();
    const { body } = await ask(accessToken, 'jwt', jwt);
    expect(decodeProtectedHeader(body).kid).not.toBe(before);
    const { payload } = await verify(body, server);
    expect(payload.token_introspection).toMatchObject({ active: true, sub: 'alice' });
    expect(await (await fetch(server.endpoints.jwks)).text()).not.toContain(before);
  });
});

describe('a person who logs in', () => {
  it('gets tokens that work', async () => {
    const scopes = ['openid', 'email', 'profile', 'groups', 'offline_access'];
    const { accessToken, refreshToken, idToken } = await logIn(server, { login: 'alice', scopes });
    const claims = await claimsOf(accessToken);
    expect(claims).toMatchObject({ active: true, sub: 'alice', client_id: 'spa', scope: scopes.join(' ') });
    expect(claims).not.toHaveProperty('aud');
    expect(await claimsOf(refreshToken ?? '')).toMatchObject({ active: true });
    expect(idToken).toBeDefined();

    const headers = { authorization: `Bearer ${accessToken}` };
    expect(await (await fetch(server.endpoints.userinfo, { headers })).json()).toEqual({
      sub: 'alice',
      email: 'alice@example.org',
      email_verified: true,
      name: 'Name of alice',
    });
  });

  it('gets a token for one resource', async () => {
    const { accessToken } = await logIn(server, { login: 'bob', scopes: ['openid', 'groups'], resource });
    expect(await claimsOf(accessToken)).toMatchObject({ sub: 'bob', aud: resource, scope: 'openid groups' });
  });

  it('gets neither an ID token nor a refresh token that was not asked for', async () => {
    const tokens = await logIn(server, { login: 'carol', scopes: ['groups'] });
    expect(Object.keys(tokens)).toEqual(['accessToken']);
    expect(await claimsOf(tokens.accessToken)).toMatchObject({ active: true, sub: 'carol', scope: 'groups' });
  });

  it('is told what the server refused', async () => {
    await expect(logIn(server, { login: 'a', scopes: ['groups'], resource: 'no uri' })).rejects.toThrow(
      'The server refused: invalid_target',
    );
  });

  it('cannot log in at a client without PKCE', async () => {
    const url = new URL(server.endpoints.authorization);
    const redirect_uri = 'http://127.0.0.1/callback';
    url.search = new URLSearchParams({
      client_id: 'spa',
      response_type: 'code',
      scope: 'groups',
      redirect_uri,
    }).toString();
    const response = await fetch(url, { redirect: 'manual' });
    const location = new URL(response.headers.get('location') ?? '');
    expect(location.searchParams.get('error_description')).toContain('code_challenge');
  });
});

describe('the life of a test authorization server', () => {
  it('names itself and its endpoints as its metadata does', async () => {
    const response = await fetch(`${server.url}/.well-known/openid-configuration`);
    expect(await response.json()).toMatchObject({
      issuer: server.url,
      authorization_endpoint: server.endpoints.authorization,
      token_endpoint: server.endpoints.token,
      introspection_endpoint: server.endpoints.introspection,
      revocation_endpoint: server.endpoints.revocation,
      userinfo_endpoint: server.endpoints.userinfo,
      jwks_uri: server.endpoints.jwks,
    });
  });

  it('hands out the settings of an API, with changes', () => {
    expect(server.settingsFor('json', { OIDC_RS_SCOPES: 'groups', OIDC_OP_URL: 'http://other' })).toEqual({
      OIDC_OP_URL: 'http://other',
      OIDC_OP_INTROSPECTION_ENDPOINT: server.endpoints.introspection,
      OIDC_OP_JWKS_ENDPOINT: server.endpoints.jwks,
      OIDC_RS_CLIENT_ID: 'api-json',
      OIDC_RS_CLIENT_SECRET: expect.stringMatching(/^api-json-secret-/) as unknown,
      OIDC_RS_SCOPES: 'groups',
    });
  });

  it('counts the introspections', async () => {
    const before = server.introspections;
    await ask('one');
    await ask('two');
    await fetch(server.endpoints.jwks);
    expect(server.introspections).toBe(before + 2);
  });

  it('stops at once, twice if need be, frees its port and comes back with its tokens', async () => {
    const other = await startAuthorizationServer();
    const { accessToken } = await other.tokenFor('alice', { scopes: ['groups'] });
    expect(JSON.parse((await ask(accessToken)).body)).toEqual({ active: false });
    expect(JSON.parse((await ask(accessToken, 'json', 'application/json', other)).body)).toMatchObject({
      active: true,
    });

    await other.stop();
    await other.stop();
    await expect(ask(accessToken, 'json', 'application/json', other)).rejects.toThrow('fetch failed');
    const successor = createServer().listen(Number(new URL(other.url).port), '127.0.0.1');
    await once(successor, 'listening');
    successor.close();
    await once(successor, 'close');

    await other.restart();
    expect(JSON.parse((await ask(accessToken, 'json', 'application/json', other)).body)).toMatchObject({
      active: true,
    });
    await other.stop();
  });

  it('prints nothing, and lets the process end', async () => {
    // A process of its own: oidc-provider is not loaded there yet, and one of its warnings comes with the loading.
    const script = `
      const { startAuthorizationServer } = await import('./test/support/authorization-server.ts');
      const { logIn } = await import('./test/support/person.ts');
      const server = await startAuthorizationServer();
      const { accessToken } = await logIn(server, { login: 'alice', scopes: ['openid', 'groups'] });
      await server.clientToken({ scopes: ['groups'] });
      await server.rotateKeys();
      await server.revoke(accessToken);
      await server.stop();`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
    expect(stdout + stderr).toBe('');
  });
});
