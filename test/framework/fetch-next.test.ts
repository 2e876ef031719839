import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type * as JwksRoute from '../../examples/next/app/jwks/route.ts';
import type * as MeRoute from '../../examples/next/app/me/route.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';

const ORIGIN = 'https://api.example.com';
let server: TestAuthorizationServer;
let me: typeof MeRoute;
let jwks: typeof JwksRoute;

beforeAll(async () => {
  server = await startAuthorizationServer();
  const settings = server.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  me = await import('../../examples/next/app/me/route.ts');
  jwks = await import('../../examples/next/app/jwks/route.ts');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

it('app/me/route.ts lets in, challenges, and refuses a token without the scope', async () => {
  const ask = async (scope?: string): Promise<[status: number, body: unknown]> => {
    const token = scope && (await server.tokenFor('alice', { scopes: [scope] }));
    const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await me.GET(new Request(`${ORIGIN}/me`, { headers }));
    return [response.status, await response.json()];
  };
  expect(await ask('groups')).toEqual([200, { issuer: server.url, subject: 'alice' }]);
  expect(await ask()).toMatchObject([401, { error: 'unauthenticated' }]);
  expect(await ask('openid')).toMatchObject([403, { error: 'insufficient_scope' }]);
});

it('app/jwks/route.ts publishes the JWK Set', async () => {
  const response = await jwks.GET(new Request(`${ORIGIN}/jwks`));
  expect([response?.status, await response?.json()]).toEqual([200, { keys: [] }]);
});

it('loads without any settings where the resource server is switched off, as for a build', async () => {
  vi.resetModules();
  vi.unstubAllEnvs();
  vi.stubEnv('OIDC_RESOURCE_SERVER_ENABLED', 'false');
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const { GET } = await import('../../examples/next/app/me/route.ts');
  said.mockRestore();
  expect((await GET(new Request(`${ORIGIN}/me`))).status).toBe(503);
});
