// Tests of an API without any authorization server: what each token means stands in the table.
import { afterAll, expect, test } from '@jest/globals';
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
afterAll(() => api.stop());

const ask = (token: string) => fetch(`${api.url}/me`, { headers: { authorization: `Bearer ${token}` } });

test('lets a member in', async () => {
  const response = await ask('alice-token');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(alice);
});

test.each([
  ['narrow-token', 403, 'insufficient_scope'],
  ['robot-token', 401, 'invalid_token'],
  ['other-token', 401, 'invalid_token'],
  ['down-token', 503, 'temporarily_unavailable'],
])('refuses %s with %d', async (token, status, error) => {
  const response = await ask(token);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error });
});
