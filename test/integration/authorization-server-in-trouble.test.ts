import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/resource-server.ts';
import type { ResourceServer } from '../../src/types.ts';
import type { ClaimsUser } from '../../src/user/claims-user-store.ts';
import { startAuthorizationServer } from '../support/authorization-server.ts';
import { requestWith } from '../support/fake-backend.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function open(env: Record<string, string>) {
  const logger = new RecordingLogger();
  const resourceServer: ResourceServer<ClaimsUser> = await createResourceServer({ env, logger });
  stops.push(() => resourceServer.close());
  const ask = (token: string) =>
    resourceServer.authenticate(requestWith(token)).then(
      () => ({ status: 200, retryAfter: undefined as unknown }),
      (error: unknown) => {
        const { status, headers } = resourceServer.challenge(error);
        return { status, retryAfter: headers['retry-after'] as unknown };
      },
    );
  return { ask, logger };
}

/** A server that counts what reaches it, and fails as it is told to. */
async function startFailing(headers: Record<string, string> = {}) {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.writeHead(503, headers).end();
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
  };
  return { settings, requests: () => requests };
}

describe('while the authorization server is in trouble', () => {
  it('a thousand requests become five, and callers are told when to come back (A13)', async () => {
    const failing = await startFailing();
    const { ask, logger } = await open(failing.settings);
    const answers = [];
    for (let i = 0; i < 1000; i++) answers.push(await ask(`token-${String(i)}`));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(answers.at(-1)).toEqual({ status: 503, retryAfter: '1' });
    expect(failing.requests()).toBeLessThanOrEqual(8);
    expect(logger.records.filter(({ fields }) => fields.event === 'breaker.open')).toHaveLength(1);
  });

  it('its own Retry-After is passed on, and kept (A6)', async () => {
    const failing = await startFailing({ 'retry-after': '17' });
    const { ask } = await open(failing.settings);
    expect(await ask('a')).toEqual({ status: 503, retryAfter: '17' });
    expect(await ask('b')).toEqual({ status: 503, retryAfter: '17' });
    expect(failing.requests()).toBe(1);
  });

  it('a real one that stops is left alone, and let in by again within a second of its return (A13, K6)', async () => {
    const server = await startAuthorizationServer();
    stops.push(() => server.stop());
    const { ask, logger } = await open(server.settingsFor('json'));
    const token = await server.tokenFor('alice', { scopes: ['openid'] });
    expect((await ask(token)).status).toBe(200);
    await server.stop();
    for (let i = 0; i < 20; i++) expect((await ask(`${token}${String(i)}`)).status).toBe(503);
    await server.restart();
    expect((await ask(token)).status).toBe(503);
    await wait(1000);
    expect((await ask(token)).status).toBe(200);
    expect(logger.text).toContain('breaker.closed');
  });

  it('garbage from callers opens nothing: a server that answers 400 to it was asked (R6)', async () => {
    const server = await startAuthorizationServer();
    stops.push(() => server.stop());
    const { ask, logger } = await open(server.settingsFor('json'));
    for (let i = 0; i < 20; i++) expect((await ask('eyJhbGciOiJub25lIn0.e30.')).status).toBe(401);
    expect((await ask(await server.tokenFor('alice', { scopes: ['openid'] }))).status).toBe(200);
    expect(logger.text).not.toContain('breaker');
  });
});
