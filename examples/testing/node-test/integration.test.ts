// A test that goes the whole way: real settings, a real authorization server, signed and encrypted answers.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createResourceServer } from 'oidc-resource-server';
import { startTestAuthorizationServer } from 'oidc-resource-server/testing';
import { startApi } from '../api.ts';

const authorizationServer = await startTestAuthorizationServer();
const settings = authorizationServer.settingsFor('jwt', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
const api = await startApi(await createResourceServer({ env: {}, settings }));
after(async () => {
  await api.stop();
  await authorizationServer.stop();
});

const ask = (token: string) => fetch(`${api.url}/me`, { headers: { authorization: `Bearer ${token}` } });

void test('lets a member in until the token is revoked', async () => {
  const token = await authorizationServer.tokenFor('alice', { scopes: ['openid', 'groups'] });
  const response = await ask(token);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { subject: 'alice' });

  await authorizationServer.revoke(token);
  assert.equal((await ask(token)).status, 401);
});
