import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authenticate, resourceServerRouter } from '../../src/framework/express.ts';
import { createResourceServer } from '../../src/resource-server.ts';
import type { ResourceServer } from '../../src/types.ts';
import type { ClaimsUser } from '../../src/user/claims-user-store.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { Browser } from '../support/browser.ts';
import { logIn, logOut } from '../support/person.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { redisMissing, startRedis, type TestRedis } from '../support/redis.ts';

/** One of the processes of an API: it answers the person's name, and publishes its endpoints. */
async function startReplica(env: Record<string, string>) {
  const logger = new RecordingLogger();
  const resourceServer: ResourceServer<ClaimsUser> = await createResourceServer({ env, logger });
  const app = express();
  app.use(resourceServerRouter(resourceServer));
  app.get('/me', authenticate(resourceServer), (_request, response) => void response.json('in'));
  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url,
    logger,
    resourceServer,
    ask: async (token: string) =>
      (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })).status,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await resourceServer.close();
    },
  };
}

const missing = redisMissing();
describe.skipIf(missing !== undefined)('two replicas with one Redis', () => {
  let redis: TestRedis;
  let authorizationServer: TestAuthorizationServer;
  // The address has to be registered before the API is there: a server in between, as a proxy would be.
  let logoutTo: string | undefined;
  let told = 0;
  let front: Server;
  let first: Awaited<ReturnType<typeof startReplica>>;
  let second: Awaited<ReturnType<typeof startReplica>>;

  beforeAll(async () => {
    redis = await startRedis();
    const app = express();
    app.post('/backchannel-logout', express.text({ type: () => true }), (request, response) => {
      told += 1;
      if (logoutTo === undefined) return void response.status(200).end();
      fetch(`${logoutTo}/backchannel-logout`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: request.body as string,
      }).then(
        async (answer) => response.status(answer.status).end(await answer.text()),
        () => response.status(502).end(),
      );
    });
    front = app.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const port = (front.address() as AddressInfo).port;
    authorizationServer = await startAuthorizationServer({
      backchannelLogoutUri: `http://127.0.0.1:${String(port)}/backchannel-logout`,
    });
    const env = authorizationServer.settingsFor('json', {
      OIDC_RS_CLOCK_TOLERANCE: '1',
      OIDC_RS_CACHE_TTL: '600',
      OIDC_RS_CACHE_URL: redis.url,
      OIDC_RS_BACKCHANNEL_LOGOUT: 'true',
      OIDC_RS_LOGOUT_AUDIENCES: 'spa',
    });
    [first, second] = [await startReplica(env), await startReplica(env)];
    // A store that is new says of nothing whether it was revoked, for as long as clocks may differ.
    const token = await authorizationServer.tokenFor('zoe', { scopes: ['openid'] });
    await Promise.all([first.ask(token), second.ask(token)]);
    await wait(1200);
  });
  afterAll(async () => {
    await first.stop();
    await second.stop();
    front.close();
    await authorizationServer.stop();
    await redis.stop();
  });

  async function logInAs(login: string) {
    const browser = new Browser();
    const tokens = await logIn(authorizationServer, { login, scopes: ['openid', 'groups'], browser });
    return {
      token: tokens.accessToken,
      logOut: () => logOut(authorizationServer, browser, tokens.idToken ?? ''),
    };
  }

  it('lets a cached token in after the session has ended, while nobody tells them (C3)', async () => {
    logoutTo = undefined;
    const alice = await logInAs('alice');
    expect([await first.ask(alice.token), await second.ask(alice.token)]).toEqual([200, 200]);
    await alice.logOut();
    await expect.poll(() => told).toBe(1);
    expect([await first.ask(alice.token), await second.ask(alice.token)]).toEqual([200, 200]);
  });

  it('refuses it within a second on both, once one of them is told (C3)', async () => {
    logoutTo = first.url;
    const bob = await logInAs('bob');
    const carol = await logInAs('carol');
    for (const replica of [first, second]) {
      expect([await replica.ask(bob.token), await replica.ask(carol.token)]).toEqual([200, 200]);
    }
    const before = authorizationServer.introspections;
    await bob.logOut();
    await expect.poll(() => first.ask(bob.token), { timeout: 1000, interval: 20 }).toBe(401);
    await expect.poll(() => second.ask(bob.token), { timeout: 1100, interval: 50 }).toBe(401);
    // Nobody else is asked about.
    expect([await first.ask(carol.token), await second.ask(carol.token)]).toEqual([200, 200]);
    expect(authorizationServer.introspections - before).toBeLessThanOrEqual(2);
    expect(first.logger.text).toContain('logout.received');
    expect(first.logger.text).not.toContain(bob.token);
  });
});
