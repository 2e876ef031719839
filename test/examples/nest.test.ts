import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { startExample } from '../support/example-process.ts';

// Decorators are no syntax of JavaScript yet: the example has a tsconfig.json of its own, and strips no types.
const TSCONFIG = { TSX_TSCONFIG_PATH: 'examples/nest/tsconfig.json' };

describe('nest/main.ts, under tsx', () => {
  let authorizationServer: TestAuthorizationServer;
  let example: Awaited<ReturnType<typeof startExample>>;
  beforeAll(async () => {
    authorizationServer = await startAuthorizationServer();
    const settings = authorizationServer.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
    example = await startExample('tsx', 'examples/nest/main.ts', { ...settings, ...TSCONFIG });
  });
  afterAll(async () => {
    await example.stop();
    await authorizationServer.stop();
  });

  async function ask(path: string, scopes?: string[]): Promise<Response> {
    if (scopes === undefined) return fetch(example.origin + path);
    const token = await authorizationServer.tokenFor('alice', { scopes });
    return fetch(example.origin + path, { headers: { authorization: `Bearer ${token}` } });
  }

  it('shows who has the scope to people alone', async () => {
    const answer = await ask('/me', ['groups']);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ subject: 'alice' });
    expect((await ask('/me', ['openid'])).status).toBe(403);
  });

  it('refuses as every other framework does, with a filter of the application in between', async () => {
    const answer = await ask('/me');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="api"');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ error: 'unauthenticated' });
  });

  it('opens what is public, and publishes its JWK Set', async () => {
    expect(await (await ask('/status')).json()).toEqual({ up: true });
    expect(await (await ask('/jwks')).json()).toEqual({ keys: [] });
  });
});
