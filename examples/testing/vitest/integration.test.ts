// A test that goes the whole way: real settings, a real authorization server, signed and encrypted answers.
import { afterAll, expect, test } from 'vitest';
import { createResourceServer } from 'oidc-resource-server';
import { startTestAuthorizationServer } from 'oidc-resource-server/testing';
import { startApi } from '../api.ts';

const authorizationServer = await startTestAuthorizationServer();
const settings = authorizationServer.settingsFor('jwt', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
const api = await startApi(await createResourceServer({ env: {}, settings }));
afterAll(async () => {
  await api.stop();
  await authorizationServer.stop();
});

const ask = (token: string) => fetch(`${api.url}/me`, { headers: { authorization: `Bearer ${token}` } });

test('lets a member in until the token is revoked', async () => {
  const token = await authorizationServer.tokenFor('alice', { scopes: ['openid', 'groups'] });
  const response = await ask(token);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ subject: 'alice' });

  await authorizationServer.revoke(token);
  expect((await ask(token)).status).toBe(401);
});
