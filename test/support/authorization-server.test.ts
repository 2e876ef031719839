import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestAuthorizationServer } from './authorization-server.ts';
import { startAuthorizationServer } from './authorization-server.ts';
import { basic, introspect } from './introspection.ts';

const resource = 'https://api.example.org/';
const anInstant: unknown = expect.any(Number);
const inactive = { active: false };

let server: TestAuthorizationServer;
beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.stop());

const claimsOf = async (token: string): Promise<unknown> => (await introspect(server, token)).json;

describe('the JSON introspection of the test authorization server', () => {
  it('calls a token active and says whose it is', async () => {
    const { accessToken } = await server.tokensFor('alice', { scopes: ['openid', 'groups'] });
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
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'], expiresIn: -1 });
    expect(await claimsOf('unknown')).toEqual(inactive);
    expect(await claimsOf(accessToken)).toEqual(inactive);
  });

  it('calls a refresh token active too, without a token_type', async () => {
    const { refreshToken = '' } = await server.tokensFor('alice', { scopes: ['groups', 'offline_access'] });
    const claims = await claimsOf(refreshToken);
    expect(claims).toMatchObject({ active: true, sub: 'alice', client_id: 'spa' });
    expect(claims).not.toHaveProperty('token_type');
  });

  it('names the audience where a resource was asked for', async () => {
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'], resource });
    expect(await claimsOf(accessToken)).toMatchObject({ active: true, aud: resource, scope: 'groups' });
  });

  it('names the key that a token is bound to', async () => {
    const { publicKey } = await generateKeyPair('ES256');
    const dpopJkt = await calculateJwkThumbprint(await exportJWK(publicKey));
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'], dpopJkt });
    expect(await claimsOf(accessToken)).toMatchObject({ token_type: 'DPoP', cnf: { jkt: dpopJkt } });
  });

  it("has no sub for a client's own token", async () => {
    const claims = await claimsOf(await server.clientToken({ scopes: ['groups'] }));
    expect(claims).toMatchObject({ active: true, client_id: 'robot', scope: 'groups' });
    expect(claims).not.toHaveProperty('sub');
    expect(claims).not.toHaveProperty('aud');
    const forResource = await claimsOf(await server.clientToken({ scopes: ['groups'], resource }));
    expect(forResource).toMatchObject({ active: true, client_id: 'robot', aud: resource });
  });

  it('issues a token of another client on request', async () => {
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'], client: 'robot' });
    expect(await claimsOf(accessToken)).toMatchObject({ sub: 'alice', client_id: 'robot' });
    await expect(server.tokensFor('alice', { scopes: [], client: 'nobody' })).rejects.toThrow('nobody');
  });

  it('refuses to look at a JWT', async () => {
    const { idToken = '' } = await server.tokensFor('alice', { scopes: ['openid'] });
    expect(await introspect(server, idToken)).toMatchObject({
      status: 400,
      json: { error: 'unsupported_token_type' },
    });
  });

  it('refuses a wrong secret, and one that is not form-urlencoded', async () => {
    const secret = server.settingsFor('json').OIDC_RS_CLIENT_SECRET ?? '';
    const raw = { authorization: `Basic ${Buffer.from(`api-json:${secret}`).toString('base64')}` };
    for (const headers of [basic('api-json', 'wrong'), raw]) {
      expect(await introspect(server, 'any', { headers })).toMatchObject({
        status: 401,
        json: { error: 'invalid_client' },
      });
    }
  });

  it("takes api-json-post's secret in the body alone", async () => {
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'] });
    expect((await introspect(server, accessToken, { api: 'json-post' })).json).toMatchObject({
      active: true,
    });

    const { OIDC_RS_CLIENT_SECRET: secret = '' } = server.settingsFor('json-post');
    expect(await introspect(server, accessToken, { headers: basic('api-json-post', secret) })).toMatchObject({
      status: 401,
      json: { error: 'invalid_client' },
    });
  });

  it('calls a revoked token inactive, and the other tokens of its grant', async () => {
    const { accessToken, refreshToken = '' } = await server.tokensFor('alice', {
      scopes: ['groups', 'offline_access'],
    });
    const others = await server.tokensFor('alice', { scopes: ['groups'] });
    await server.revoke(accessToken);
    expect(await claimsOf(accessToken)).toEqual(inactive);
    expect(await claimsOf(refreshToken)).toEqual(inactive);
    expect(await claimsOf(others.accessToken)).toMatchObject({ active: true });

    const clientToken = await server.clientToken({ scopes: ['groups'] });
    await server.revoke(clientToken);
    expect(await claimsOf(clientToken)).toEqual(inactive);
  });

  it('tells nothing to a client that is no API', async () => {
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'] });
    const body = new URLSearchParams({ token: accessToken, client_id: 'spa' });
    const response = await fetch(server.endpoints.introspection, { method: 'POST', body });
    expect(await response.json()).toEqual(inactive);
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
    await introspect(server, 'one');
    await introspect(server, 'two', { api: 'jwt' });
    await fetch(server.endpoints.jwks);
    expect(server.introspections).toBe(before + 2);
  });

  it('stops at once, twice if need be, frees its port and comes back with its tokens', async () => {
    const other = await startAuthorizationServer();
    const { accessToken } = await other.tokensFor('alice', { scopes: ['groups'] });
    expect(await claimsOf(accessToken)).toEqual(inactive);
    expect((await introspect(other, accessToken)).json).toMatchObject({ active: true });

    await other.stop();
    await other.stop();
    await expect(introspect(other, accessToken)).rejects.toThrow('fetch failed');
    const successor = createServer().listen(Number(new URL(other.url).port), '127.0.0.1');
    await once(successor, 'listening');
    successor.close();
    await once(successor, 'close');

    await other.restart();
    expect((await introspect(other, accessToken)).json).toMatchObject({ active: true });
    await other.stop();
  });

  it('prints nothing, and lets the process end', async () => {
    // A process of its own: oidc-provider is not loaded there yet, and one of its warnings comes with the loading.
    const script = `
      const { startAuthorizationServer } = await import('./test/support/authorization-server.ts');
      const { introspect } = await import('./test/support/introspection.ts');
      const { logIn } = await import('./test/support/person.ts');
      const server = await startAuthorizationServer();
      const { accessToken } = await logIn(server, { login: 'alice', scopes: ['openid', 'groups'] });
      await introspect(server, accessToken, { api: 'jwt' });
      await server.clientToken({ scopes: ['groups'] });
      await server.rotateKeys();
      await server.revoke(accessToken);
      await server.stop();`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
    expect(stdout + stderr).toBe('');
  });
});
