import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { UserinfoClient } from '../../src/authorization-server/userinfo.ts';
import { IntrospectionResourceServerBackend } from '../../src/backend/introspection-backend.ts';
import { freezeClaims } from '../../src/claims.ts';
import { createReadiness } from '../../src/cli/serve/readiness.ts';
import type { HttpAdapter } from '../../src/http/http-adapter.ts';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { createResourceServer } from '../../src/resource-server.ts';
import { AccessToken } from '../../src/secret.ts';
import type { ResourceServer } from '../../src/types.ts';
import type { ClaimsUser } from '../../src/user/claims-user-store.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { startAuthorizationServer } from '../support/authorization-server.ts';
import { requestWith } from '../support/fake-backend.ts';
import { failureOf } from '../support/faults.ts';
import { realDependencies } from '../support/real-dependencies.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const keys = newApiKeys();

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** The real adapter, and how often it was asked: nobody else can count attempts to reach a server that is gone. */
class CountingHttpAdapter extends UndiciHttpAdapter {
  attempts = 0;

  override request(...request: Parameters<HttpAdapter['request']>) {
    this.attempts += 1;
    return super.request(...request);
  }
}

async function open(env: Record<string, string>) {
  const logger = new RecordingLogger();
  const http = new CountingHttpAdapter();
  const resourceServer: ResourceServer<ClaimsUser> = await createResourceServer({ env, logger, http });
  stops.push(async () => {
    await resourceServer.close();
    await http.close();
  });
  const ask = (token: string) =>
    resourceServer.authenticate(requestWith(token)).then(
      () => ({ status: 200, retryAfter: undefined as unknown }),
      (error: unknown) => {
        const { status, headers } = resourceServer.challenge(error);
        return { status, retryAfter: headers['retry-after'] as unknown };
      },
    );
  const breaker = () => logger.records.filter(({ fields }) => String(fields.event).startsWith('breaker.'));
  return { ask, logger, http, breaker };
}

type Trouble = (response: ServerResponse) => unknown;

/** A server that counts what reaches it, and is in that trouble. */
async function startInTrouble(trouble: Trouble) {
  let requests = 0;
  let underWay = 0;
  let most = 0;
  const server = createServer((_, response) => {
    requests += 1;
    underWay += 1;
    most = Math.max(most, underWay);
    response.once('close', () => (underWay -= 1));
    trouble(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const settings = {
    OIDC_OP_URL: url,
    OIDC_OP_INTROSPECTION_ENDPOINT: url,
    OIDC_RS_CLIENT_ID: 'api',
    OIDC_RS_CLIENT_SECRET: 'secret',
    OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic',
    OIDC_TIMEOUT: '0.3',
  };
  return { settings, requests: () => requests, most: () => most };
}

const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): Trouble =>
  (response) =>
    response.writeHead(status, headers).end(body);
const silence: Trouble = () => undefined;
const reset: Trouble = (response) => response.socket?.destroy();
const garbage: Trouble = (response) => response.socket?.end('not HTTP\r\n\r\n');

const tokens = (count: number, prefix = 'token') =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i)}`);

describe('an authorization server that cannot be asked', () => {
  it.each([
    ['is silent', silence],
    ['closes the connection', reset],
    ['does not speak HTTP', garbage],
    ['answers 500', answer(500)],
    ['answers 502', answer(502, { 'content-type': 'text/html' }, '<h1>Bad Gateway</h1>')],
    ['answers 500 to active tokens', answer(500, { 'content-type': 'application/json' }, '{"active":true}')],
    ['answers 503', answer(503)],
    ['answers 429', answer(429)],
  ])('is asked five times when it %s, and then left alone (A2, A4, A5, A13)', async (_, trouble) => {
    const server = await startInTrouble(trouble);
    const { ask, http, logger, breaker } = await open(server.settings);
    const [first, ...others] = tokens(5);
    expect(await ask(first as string)).toEqual({ status: 503, retryAfter: undefined });
    for (const token of others) await ask(token);
    const startedAt = performance.now();
    // Within the time for which it is left alone.
    for (const token of tokens(50, 'later'))
      expect(await ask(token)).toEqual({ status: 503, retryAfter: '1' });
    expect(performance.now() - startedAt).toBeLessThan(750);
    expect(http.attempts).toBe(5);
    expect(breaker()).toHaveLength(1);
    // Not for requests that were refused without asking.
    expect(logger.records.filter(({ fields }) => fields.event === 'as.unavailable')).toHaveLength(5);
  });

  it.each([429, 503])('is left alone for as long as it asks by %i and Retry-After (A6)', async (status) => {
    const server = await startInTrouble(answer(status, { 'retry-after': '17' }));
    const { ask } = await open(server.settings);
    expect(await ask('a')).toEqual({ status: 503, retryAfter: '17' });
    for (const token of tokens(20)) expect(await ask(token)).toEqual({ status: 503, retryAfter: '17' });
    expect(server.requests()).toBe(1);
  });

  it.each([
    ['500 with Retry-After, which is not how to ask for peace', answer(500, { 'retry-after': '17' })],
    [
      'Retry-After as a date, which goes by its clock',
      answer(503, { 'retry-after': new Date().toUTCString() }),
    ],
  ])('is not left alone at once after %s (A6)', async (_, trouble) => {
    const server = await startInTrouble(trouble);
    const { ask } = await open(server.settings);
    for (const token of tokens(4)) await ask(token);
    expect(server.requests()).toBe(4);
  });
});

describe('an authorization server that answers', () => {
  const json = { 'content-type': 'application/json' };
  it.each([
    ['400 to what is no token of its kind', 401, answer(400, json, '{"error":"unsupported_token_type"}')],
    ['that the token is inactive', 401, answer(200, json, '{"active":false}')],
    ['that it does not know this API', 503, answer(401, json, '{"error":"invalid_client"}')],
    ['that this API may not ask', 503, answer(403)],
    ['404', 503, answer(404)],
    ['what must not be believed', 503, answer(200, json, '{"active":"yes"}')],
    ['too much', 503, answer(200, json, JSON.stringify({ active: true, filler: 'x'.repeat(70_000) }))],
  ])('opens nothing by saying %s (A5, R6)', async (_, status, trouble) => {
    const server = await startInTrouble(trouble);
    const { ask, breaker } = await open(server.settings);
    for (const token of tokens(12)) expect((await ask(token)).status).toBe(status);
    expect(breaker()).toEqual([]);
  });
});

describe('an authorization server that is slow', () => {
  it('gets 256 requests at a time, and nobody waits longer than for one answer (A13)', async () => {
    const server = await startInTrouble((response) =>
      setTimeout(answer(200, { 'content-type': 'application/json' }, '{"active":false}'), 100, response),
    );
    const { ask, logger, http } = await open({ ...server.settings, OIDC_TIMEOUT: '10' });
    const answers = await Promise.all(tokens(1500).map(ask));
    const refused = answers.filter(({ status }) => status === 503);
    // 256 under way and 1024 in the queue; 220 find no room.
    expect(refused.length).toBeGreaterThanOrEqual(220);
    expect(new Set(refused.map(({ retryAfter }) => retryAfter))).toEqual(new Set(['1']));
    expect(server.most()).toBeLessThanOrEqual(256);
    expect(http.attempts).toBe(1500 - refused.length);
    const events = logger.records.map(({ fields }) => fields.event);
    expect(events.filter((event) => event === 'as.overloaded')).toHaveLength(1);
    // Too much to ask is no fault of the server's.
    expect(events).not.toContain('breaker.open');
    expect((await ask('afterwards')).status).toBe(401);
  });

  it('keeps nobody in the queue once it is known to be down (A13)', async () => {
    const server = await startInTrouble(silence);
    const { ask, http } = await open(server.settings);
    const startedAt = performance.now();
    const answers = await Promise.all(tokens(600).map(ask));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    // The first four of the five failures each let one more out.
    expect(http.attempts).toBeLessThanOrEqual(260);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe('a user endpoint in trouble', () => {
  it('is left alone, too: with cached claims it is all that is asked (A13)', async () => {
    const server = await startInTrouble(silence);
    const http = new CountingHttpAdapter();
    stops.push(() => http.close());
    const settings = { ...server.settings, OIDC_OP_USER_ENDPOINT: server.settings.OIDC_OP_URL };
    const dependencies = realDependencies(settings, http);
    const userinfo = new UserinfoClient(dependencies);
    for (const token of tokens(30)) {
      const error = await failureOf(userinfo.fetch(new AccessToken(token), freezeClaims({ sub: 'alice' })));
      expect(error).toMatchObject({ code: 'ERR_AS_UNAVAILABLE' });
    }
    expect(http.attempts).toBe(5);
    const { records } = dependencies.logger;
    expect(records.find(({ fields }) => fields.event === 'breaker.open')?.fields).toMatchObject({
      endpoint: 'OIDC_OP_USER_ENDPOINT',
    });
  });
});

const JWT = { OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend', OIDC_RS_PRIVATE_KEY_STR: keys.pem };

describe('oidc-provider', () => {
  it.each(['json', 'jwt'] as const)(
    'stops and comes back: 503 at once meanwhile, and in again after at most one delay (%s) (A4, A13)',
    async (kind) => {
      const server = await startAuthorizationServer({ encryptionJwks: keys.jwks });
      stops.push(() => server.stop());
      const settings = { ...server.settingsFor(kind), ...(kind === 'jwt' && JWT) };
      const { ask, http, breaker } = await open(settings);
      const token = await server.tokenFor('alice', { scopes: ['openid'] });
      expect((await ask(token)).status).toBe(200);

      await server.stop();
      const before = http.attempts;
      // All at once, as they come.
      const burst = await Promise.all(tokens(250, token).map(ask));
      // And one after the other.
      const rest = [];
      for (const later of tokens(250, `${token}-later`)) rest.push(await ask(later));
      expect(new Set([...burst, ...rest].map(({ status }) => status))).toEqual(new Set([503]));
      expect(Number(rest.at(-1)?.retryAfter)).toBeGreaterThanOrEqual(1);
      // The burst was under way before anything was known; then there are only the probes.
      const probes = breaker().filter(({ fields }) => fields.event === 'breaker.half_open').length;
      expect(http.attempts - before).toBeLessThanOrEqual(250 + probes);
      expect(probes).toBeLessThanOrEqual(3);

      await server.restart();
      const restartedAt = performance.now();
      const lastOpen = breaker().findLast(({ fields }) => fields.event === 'breaker.open');
      const attemptsBefore = http.attempts;
      while ((await ask(token)).status !== 200) await wait(10);
      expect(performance.now() - restartedAt).toBeLessThan(Number(lastOpen?.fields.ms) + 1000);
      // One probe: whoever came before it was refused.
      expect(http.attempts - attemptsBefore).toBe(1);
      expect(breaker().at(-1)?.fields).toMatchObject({ event: 'breaker.closed' });
      expect((await ask(token)).status).toBe(200);
    },
  );

  it('is asked on and on whatever garbage callers send (R6)', async () => {
    const server = await startAuthorizationServer();
    stops.push(() => server.stop());
    const { ask, breaker } = await open(server.settingsFor('json'));
    for (let i = 0; i < 20; i++) expect((await ask('eyJhbGciOiJub25lIn0.e30.')).status).toBe(401);
    expect((await ask(await server.tokenFor('alice', { scopes: ['openid'] }))).status).toBe(200);
    expect(breaker()).toEqual([]);
  });
});

describe('/readyz', () => {
  it('is not ready while the breaker is open, and its own question closes it again (A13, K6)', async () => {
    const server = await startAuthorizationServer();
    stops.push(() => server.stop());
    const http = new CountingHttpAdapter();
    stops.push(() => http.close());
    const dependencies = realDependencies(server.settingsFor('json'), http);
    const backend = new IntrospectionResourceServerBackend(dependencies);
    const options = { backend, pingUsers: undefined, pingCache: undefined, timeoutMs: 1000 };
    await server.stop();
    for (const token of tokens(5)) await failureOf(backend.getClaims(new AccessToken(token)));
    const asked = http.attempts;
    const readiness = createReadiness(options);
    expect(await readiness()).toMatchObject({
      status: 'not_ready',
      checks: [{ code: 'ERR_AS_UNAVAILABLE' }],
    });
    expect(http.attempts).toBe(asked);
    await server.restart();
    // What it found is remembered for two seconds; nobody else asks.
    await expect.poll(async () => (await readiness()).status, { timeout: 6000 }).toBe('ready');
    expect(dependencies.logger.text).toContain('breaker.closed');
  });
});

describe('with a cache', () => {
  it('a server that is down makes no token inactive, and no failure is kept (C6)', async () => {
    const server = await startAuthorizationServer();
    stops.push(() => server.stop());
    const { ask } = await open({ ...server.settingsFor('json'), OIDC_RS_CACHE_TTL: '60' });
    const scopes = { scopes: ['openid'] };
    const [known, unknown] = [await server.tokenFor('alice', scopes), await server.tokenFor('bob', scopes)];
    expect((await ask(known)).status).toBe(200);
    await server.stop();
    for (let i = 0; i < 10; i++) expect((await ask(unknown)).status).toBe(503);
    // Known is known, while it is fresh.
    expect((await ask(known)).status).toBe(200);
    await server.restart();
    await expect.poll(async () => (await ask(unknown)).status, { timeout: 5000 }).toBe(200);
  });
});
