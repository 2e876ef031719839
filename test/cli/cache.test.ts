import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as wait } from 'node:timers/promises';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { redisMissing, startRedis, type TestRedis } from '../support/redis.ts';
import { ask, serveHere } from '../support/reverse-proxy-serve.ts';
import { oidcRs } from '../support/terminal.ts';

let authorizationServer: TestAuthorizationServer;
let settings: Record<string, string>;
beforeAll(async () => {
  authorizationServer = await startAuthorizationServer();
  settings = authorizationServer.settingsFor('json', {
    OIDC_RS_ALLOWED_AUDIENCES: 'spa',
    OIDC_RS_CLOCK_TOLERANCE: '0',
  });
});
afterAll(() => authorizationServer.stop());

async function lineOf(env: Record<string, string>): Promise<string> {
  const { out } = await oidcRs(['check'], { env: { ...settings, ...env } });
  return out.split('\n').find((line) => line.slice(2).startsWith('cache')) ?? '';
}

describe('oidc-rs check, of the cache', () => {
  it('says that there is none, or one in memory, or that a setting means nothing', async () => {
    expect(await lineOf({})).toMatch(/^– cache +There is none: OIDC_RS_CACHE_TTL is 0/);
    expect(await lineOf({ OIDC_RS_CACHE_TTL: '30' })).toMatch(
      /^✓ cache +What the authorization server says is used for up to 30 s, in the memory of each process\.$/,
    );
    expect(await lineOf({ OIDC_RS_STALE_IF_ERROR: '30' })).toMatch(
      /^! cache +OIDC_RS_CACHE_TTL is 0, so nothing is kept/,
    );
  });

  it('says that the store cannot be asked, without its password (A9)', async () => {
    const env = { OIDC_RS_CACHE_TTL: '30', OIDC_RS_CACHE_URL: 'redis://:hunter2@127.0.0.1:9' };
    expect(await lineOf(env)).toMatch(/^✗ cache +The store of OIDC_RS_CACHE_URL cannot be asked\./);
    const { out, err, code } = await oidcRs(['check'], { env: { ...settings, ...env } });
    expect(out + err).not.toContain('hunter2');
    expect(code).toBe(1);
  });
});

const missing = redisMissing();
describe.skipIf(missing !== undefined)('with a real Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it('oidc-rs check says that it answers', async () => {
    expect(await lineOf({ OIDC_RS_CACHE_TTL: '30', OIDC_RS_CACHE_URL: redis.url })).toMatch(
      /^✓ cache +.*and the shared store answers\.$/,
    );
  });

  it('oidc-rs serve --cache shares it, and stays ready without it', async () => {
    const token = await authorizationServer.tokenFor('alice', { scopes: ['openid'] });
    const first = await serveHere(settings, { cache: redis.url });
    const second = await serveHere(settings, { cache: redis.url });
    try {
      await ask(first.url, '/auth', { token });
      await wait(50);
      const before = authorizationServer.introspections;
      for (const { url } of [first, second, first, second]) {
        expect((await ask(url, '/auth', { token })).status).toBe(200);
      }
      // One more at most: the first answer may be from before the store was known to be new.
      expect(authorizationServer.introspections - before).toBeLessThanOrEqual(1);
      await redis.kill();
      await wait(2100);
      expect((await ask(first.url, '/auth', { token })).status).toBe(200);
      const ready = await ask(first.url, '/readyz');
      expect(ready.status).toBe(200);
      expect(JSON.parse(ready.body)).toMatchObject({
        status: 'ready',
        checks: [{ status: 'pass' }, { name: 'cache', status: 'warn', code: 'ERR_CACHE' }],
      });
    } finally {
      await first.stop();
      await second.stop();
      await redis.restart();
    }
  });

  it('oidc-rs introspect asks the authorization server whatever is kept', async () => {
    const token = await authorizationServer.tokenFor('alice', { scopes: ['openid'] });
    const env = { ...settings, OIDC_RS_CACHE_TTL: '600', OIDC_RS_CACHE_URL: redis.url };
    expect((await oidcRs(['introspect'], { env, input: token })).code).toBe(0);
    await authorizationServer.revoke(token);
    expect((await oidcRs(['introspect'], { env, input: token })).code).toBe(1);
  });
});
