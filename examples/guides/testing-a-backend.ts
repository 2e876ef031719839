// A test of a backend: everything is real but the authorization server. Run it by: npx tsx --test testing-a-backend.ts
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResourceServer, type HttpAdapter, type ResourceRequest } from 'oidc-resource-server';
import { StaffBackend } from '../backends/staff.ts';

/** What the authorization server would say. Tokens that are not here are not active. */
const answers: Record<string, object> = {
  'alice-token': { active: true, sub: 'alice', client_id: 'web-app', token_type: 'Bearer' },
  'guest-token': { active: true, sub: 'guest-7', client_id: 'web-app', token_type: 'Bearer' },
};

const http: HttpAdapter = {
  request: ({ body }) => {
    const token = new URLSearchParams(body).get('token') ?? '';
    return Promise.resolve({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(answers[token] ?? { active: false })),
    });
  },
};

const resourceServer = await createResourceServer({
  backend: StaffBackend,
  http,
  env: {}, // nothing of this machine's environment
  settings: {
    OIDC_OP_URL: 'https://auth.example.com',
    OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/token/introspect',
    OIDC_RS_CLIENT_ID: 'my-api',
    OIDC_RS_CLIENT_SECRET: 'not a secret',
    OIDC_RS_ALLOWED_AUDIENCES: ['web-app'],
  },
});

function requestWith(token: string): ResourceRequest {
  return { method: 'GET', url: '/', rawHeaders: ['Authorization', `Bearer ${token}`] };
}

await test('lets staff in', async () => {
  const { user } = await resourceServer.authenticate(requestWith('alice-token'));
  assert.equal(user.subject, 'alice');
});

await test('refuses guests', async () => {
  await assert.rejects(resourceServer.authenticate(requestWith('guest-token')), {
    code: 'ERR_INVALID_TOKEN',
    reason: 'unknown_user',
  });
});

await test('refuses a token that is not active', async () => {
  await assert.rejects(resourceServer.authenticate(requestWith('other-token')), { reason: 'inactive' });
});
