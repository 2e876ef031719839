import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestAuthorizationServer } from './authorization-server.ts';
import { startAuthorizationServer } from './authorization-server.ts';
import { introspect } from './introspection.ts';
import { logIn } from './person.ts';

let server: TestAuthorizationServer;
beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.stop());

const claimsOf = async (token: string): Promise<unknown> => (await introspect(server, token)).json;

describe('a person who logs in', () => {
  it('gets tokens that work', async () => {
    const scopes = ['openid', 'email', 'profile', 'groups', 'offline_access'];
    const { accessToken, refreshToken = '', idToken } = await logIn(server, { login: 'alice', scopes });
    const claims = await claimsOf(accessToken);
    expect(claims).toMatchObject({ active: true, sub: 'alice', client_id: 'spa', scope: scopes.join(' ') });
    expect(claims).not.toHaveProperty('aud');
    expect(await claimsOf(refreshToken)).toMatchObject({ active: true, sub: 'alice' });
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
    const resource = 'https://api.example.org/';
    const { accessToken } = await logIn(server, { login: 'bob', scopes: ['openid', 'groups'], resource });
    expect(await claimsOf(accessToken)).toMatchObject({ sub: 'bob', aud: resource, scope: 'openid groups' });
  });

  it('gets neither an ID token nor a refresh token that was not asked for', async () => {
    const tokens = await logIn(server, { login: 'carol', scopes: ['groups'] });
    expect(Object.keys(tokens)).toEqual(['accessToken']);
    expect(await claimsOf(tokens.accessToken)).toMatchObject({ active: true, sub: 'carol', scope: 'groups' });
  });

  it('can get a new access token with the refresh token', async () => {
    const { refreshToken = '' } = await server.tokensFor('alice', { scopes: ['groups', 'offline_access'] });
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'spa',
      refresh_token: refreshToken,
    });
    const response = await fetch(server.endpoints.token, { method: 'POST', body });
    const { access_token } = (await response.json()) as { access_token: string };
    expect(await claimsOf(access_token)).toMatchObject({ active: true, sub: 'alice', token_type: 'Bearer' });
  });

  it('is told what the server refused', async () => {
    await expect(logIn(server, { login: 'a', scopes: ['groups'], resource: 'no uri' })).rejects.toThrow(
      'The server refused: invalid_target',
    );
    await expect(logIn(server, { login: '', scopes: ['groups'] })).rejects.toThrow('without a form');
  });

  it('cannot log in at a client that does without PKCE', async () => {
    const url = new URL(server.endpoints.authorization);
    url.search = new URLSearchParams({
      client_id: 'spa',
      response_type: 'code',
      scope: 'groups',
      redirect_uri: 'http://127.0.0.1/callback',
    }).toString();
    const response = await fetch(url, { redirect: 'manual' });
    const { searchParams } = new URL(response.headers.get('location') ?? '');
    expect(searchParams.get('error')).toBe('invalid_request');
    expect(searchParams.get('error_description')).toContain('PKCE');
  });
});
