import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer, MemoryUserStore, type SettingsInput } from 'oidc-resource-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const keys = newApiKeys();
let server: TestAuthorizationServer;
beforeAll(async () => {
  server = await startAuthorizationServer({ encryptionJwks: keys.jwks });
});
afterAll(() => server.stop());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An API that knows its authorization server by `OIDC_OP_URL` alone. */
async function api(mode: 'json' | 'json-post' | 'jwt', settings: SettingsInput = {}) {
  const rest: Record<string, string> = {};
  for (const [name, value] of Object.entries(server.settingsFor(mode))) {
    if (!/^OIDC_OP_.*_ENDPOINT$/.test(name)) rest[name] = value;
  }
  expect(Object.keys(rest).filter((name) => name.startsWith('OIDC_OP_'))).toEqual(['OIDC_OP_URL']);
  const logger = new RecordingLogger();
  const userStore = new MemoryUserStore();
  const resourceServer = await createResourceServer({
    env: {},
    settings: { ...rest, ...settings },
    logger,
    userStore,
  });
  closing.push(() => resourceServer.close());
  return {
    logger,
    ask: (token: string) =>
      resourceServer.authenticate({
        method: 'GET',
        url: '/',
        rawHeaders: ['Authorization', `Bearer ${token}`],
      }),
  };
}

describe('OIDC_OP_URL alone', () => {
  it.each(['json', 'json-post'] as const)(
    'is enough for %s introspection, and finds the user endpoint',
    async (mode) => {
      const { ask } = await api(mode, { OIDC_RS_CREATE_USER: 'true' });
      const { user } = await ask(await server.tokenFor('alice', { scopes: ['openid', 'email'] }));
      expect(user).toMatchObject({ subject: 'alice', email: 'alice@example.org' });
    },
  );

  it('takes the claims of a token without the scope openid, whose user endpoint would refuse it', async () => {
    const { ask } = await api('json', { OIDC_RS_CREATE_USER: 'true' });
    const { user } = await ask(await server.tokenFor('bob', { scopes: ['groups'] }));
    expect(user).toMatchObject({ subject: 'bob' });
  });

  it('is enough for signed and encrypted introspection', async () => {
    const { ask, logger } = await api('jwt', {
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
      OIDC_RS_CREATE_USER: 'true',
    });
    await expect(ask(await server.tokenFor('alice', { scopes: ['openid'] }))).resolves.toMatchObject({
      claims: { sub: 'alice' },
    });
    const warnings = logger.records.filter(({ level }) => level === 'warn' || level === 'error');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('Any token')]);
  });
});

describe('a server under another address than its issuer', () => {
  async function listen(proxy: Server): Promise<string> {
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => proxy.close(resolve)));
    return `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
  }

  it('is reached by OIDC_OP_INTERNAL_URL', async () => {
    const seen: string[] = [];
    const inside = await listen(
      createServer((request, response) => {
        seen.push(request.url ?? '');
        void (async () => {
          const body = request.method === 'POST' ? await new Response(request as never).text() : undefined;
          const headers = Object.entries(request.headers).filter(
            ([name]) => !['host', 'connection', 'content-length'].includes(name),
          );
          const answer = await fetch(`${server.url}${request.url ?? ''}`, {
            method: request.method ?? 'GET',
            headers: headers as [string, string][],
            ...(body !== undefined && { body }),
          });
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
          response.end(await answer.text());
        })();
      }),
    );
    const { ask } = await api('json', { OIDC_OP_INTERNAL_URL: inside, OIDC_RS_CREATE_USER: 'true' });
    await expect(ask(await server.tokenFor('alice', { scopes: ['openid'] }))).resolves.toMatchObject({
      claims: { sub: 'alice' },
    });
    expect(seen[0]).toBe('/.well-known/openid-configuration');
    expect(seen[1]).toContain('introspection');
  });
});
