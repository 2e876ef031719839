// Tests of an API without any authorization server: what each token means stands in the table.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AuthorizationServerError } from 'oidc-resource-server';
import { fakeResourceServer } from 'oidc-resource-server/testing';
import { startApi } from '../api.ts';

const alice = { subject: 'alice' };
const resourceServer = fakeResourceServer({
  'alice-token': { user: alice, scopes: ['groups'] },
  'narrow-token': { user: alice, scopes: ['openid'] },
  'robot-token': { client: 'robot', scopes: ['groups'] },
  'down-token': new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'The authorization server is down.'),
});
const api = await startApi(resourceServer);
after(() => api.stop());

const ask = (token: string) => fetch(`${api.url}/me`, { headers: { authorization: `Bearer ${token}` } });

void test('lets a member in', async () => {
  const response = await ask('alice-token');
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), alice);
});

for (const [token, status, error] of [
  ['narrow-token', 403, 'insufficient_scope'],
  ['robot-token', 401, 'invalid_token'],
  ['other-token', 401, 'invalid_token'],
  ['down-token', 503, 'temporarily_unavailable'],
] as const) {
  void test(`refuses ${token} with ${status}`, async () => {
    const response = await ask(token);
    assert.equal(response.status, status);
    assert.equal(((await response.json()) as { error: string }).error, error);
  });
}
