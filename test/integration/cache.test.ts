import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/resource-server.ts';
import { MemoryUserStore } from '../../src/user/memory-user-store.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { requestWith } from '../support/fake-backend.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const keys = newApiKeys();
let authorizationServer: TestAuthorizationServer;
beforeAll(async () => {
  authorizationServer = await startAuthorizationServer({ encryptionJwks: keys.jwks });
});
afterAll(() => authorizationServer.stop());

async function open(mode: 'json' | 'jwt', overrides: Record<string, string> = {}) {
  const users = new MemoryUserStore();
  const env = authorizationServer.settingsFor(mode, {
    OIDC_RS_CACHE_TTL: '600',
    OIDC_RS_CREATE_USER: 'true',
    ...(mode === 'jwt' && { OIDC_RS_PRIVATE_KEY_STR: keys.pem }),
    ...overrides,
  });
  const logger = new RecordingLogger();
  const resourceServer = await createResourceServer({ env, userStore: users, logger });
  const ask = (token: string, scopes: readonly string[] = []) =>
    resourceServer.authenticate(requestWith(token), { scopes }).then(
      ({ user }) => user.subject,
      (error: unknown) => (error as { reason?: string }).reason,
    );
  return { ask, users, logger, resourceServer };
}

describe.each(['json', 'jwt'] as const)('with a cache in memory, %s', (mode) => {
  it('a token is introspected once, and everything else is decided for each request (C8)', async () => {
    const { ask, users, resourceServer } = await open(mode);
    const token = await authorizationServer.tokenFor('alice', { scopes: ['openid', 'profile'] });
    const before = authorizationServer.introspections;
    expect(await ask(token)).toBe('alice');
    expect(await ask(token, ['groups'])).toBe('scope');
    expect(await ask(token, ['profile'])).toBe('alice');
    const alice = users.findBySubject(authorizationServer.url, 'alice');
    (alice as { active: boolean }).active = false;
    expect(await ask(token)).toBe('disabled_user');
    (alice as { active: boolean }).active = true;
    expect(await ask(token)).toBe('alice');
    expect(authorizationServer.introspections - before).toBe(1);
    await resourceServer.close();
  });

  it('a revoked token is let in until its entry is over, or until revoke is called (C3)', async () => {
    const { ask, resourceServer } = await open(mode);
    const token = await authorizationServer.tokenFor('bob', { scopes: ['openid'] });
    expect(await ask(token)).toBe('bob');
    await authorizationServer.revoke(token);
    expect(await ask(token)).toBe('bob');
    await resourceServer.revoke({ sub: 'bob' });
    expect(await ask(token)).toBe('inactive');
    await resourceServer.close();
  });

  it('fifty first requests at once are one introspection, and as many garbage tokens are none twice (A13, C5)', async () => {
    const { ask, resourceServer } = await open(mode);
    const token = await authorizationServer.tokenFor('carol', { scopes: ['openid'] });
    const before = authorizationServer.introspections;
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => ask(token)));
    expect(new Set(outcomes)).toEqual(new Set(['carol']));
    expect(authorizationServer.introspections - before).toBe(1);
    for (let i = 0; i < 5; i++) expect(await ask('a-dead-one')).toBe('inactive');
    expect(authorizationServer.introspections - before).toBe(2);
    await resourceServer.close();
  });

  it('what was said is used while the authorization server is down, where that is wanted (C6)', async () => {
    const { ask, resourceServer } = await open(mode, {
      OIDC_RS_CACHE_TTL: '1',
      OIDC_RS_STALE_IF_ERROR: '60',
    });
    const token = await authorizationServer.tokenFor('dave', { scopes: ['openid'] });
    expect(await ask(token)).toBe('dave');
    await authorizationServer.stop();
    try {
      await new Promise((resolve) => setTimeout(resolve, 1100));
      expect(await ask(token)).toBe('dave');
      expect(await ask('never-seen')).toBeUndefined();
    } finally {
      await authorizationServer.restart();
      await resourceServer.close();
    }
  });
});

describe('the memory of a cache', () => {
  it('stays within its bound however many tokens come (X3)', async () => {
    const users = new MemoryUserStore();
    let asked = 0;
    const resourceServer = await createResourceServer({
      env: {},
      userStore: users,
      logger: new RecordingLogger(),
      settings: {
        OIDC_OP_URL: 'https://auth.example.com',
        OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/introspect',
        OIDC_RS_CLIENT_ID: 'api',
        OIDC_RS_CLIENT_SECRET: 'secret',
        OIDC_RS_CACHE_TTL: 600,
        OIDC_RS_CACHE_MAX_ENTRIES: 100,
        OIDC_RS_CREATE_USER: true,
      },
      // A server that answers at once: a real one would take minutes for as many.
      http: {
        request: () => {
          asked += 1;
          const claims = { active: true, sub: 'alice', client_id: 'spa', token_type: 'Bearer' };
          return Promise.resolve({
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: Buffer.from(JSON.stringify(claims)),
          });
        },
      },
    });
    for (let i = 0; i < 5000; i++) await resourceServer.authenticate(requestWith(`token-${String(i)}`));
    expect(asked).toBe(5000);
    // The last hundred are kept, and none before them.
    for (let i = 4900; i < 5000; i++) await resourceServer.authenticate(requestWith(`token-${String(i)}`));
    expect(asked).toBe(5000);
    await resourceServer.authenticate(requestWith('token-4800'));
    expect(asked).toBe(5001);
    await resourceServer.close();
  });
});
