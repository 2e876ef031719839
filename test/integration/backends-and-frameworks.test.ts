import {
  createResourceServer,
  MemoryUserStore,
  type ResourceServer,
  type SettingsInput,
} from 'oidc-resource-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startExpress } from '../framework/express-contract.ts';
import { startFastify } from '../framework/fastify-contract.ts';
import { startFetch } from '../framework/fetch-contract.ts';
import type { StartApplication } from '../framework/framework-contract.ts';
import { startHono } from '../framework/hono-contract.ts';
import { startKoa } from '../framework/koa-contract.ts';
import { startNode } from '../framework/node-contract.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { logIn } from '../support/person.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import type { Tokens } from '../../src/testing/token-request.ts';

const keys = newApiKeys();
const BACKENDS: Record<string, (server: TestAuthorizationServer) => SettingsInput> = {
  'JSON introspection, Basic': (server) => server.settingsFor('json'),
  'JSON introspection, secret in the body': (server) => server.settingsFor('json-post'),
  'JSON introspection, method fixed': (server) =>
    server.settingsFor('json', { OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic' }),
  'signed and encrypted introspection': (server) =>
    server.settingsFor('jwt', {
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
    }),
};
const FRAMEWORKS: Record<string, StartApplication> = {
  'node:http': startNode,
  Express: startExpress,
  Fastify: startFastify,
  'Fetch API': startFetch,
  Hono: startHono,
  Koa: startKoa,
};

let server: TestAuthorizationServer;
let alice: Tokens;

beforeAll(async () => {
  server = await startAuthorizationServer({ encryptionJwks: keys.jwks });
  // The person logs in through the server's own pages.
  alice = await logIn(server, { login: 'alice', scopes: ['openid', 'groups', 'offline_access'] });
});
afterAll(() => server.stop());

describe.each(Object.keys(BACKENDS))('%s', (backend) => {
  describe.each(Object.keys(FRAMEWORKS))('on %s', (framework) => {
    const logger = new RecordingLogger();
    let resourceServer: ResourceServer<{ issuer: string; subject: string; active: boolean }>;
    let origin: string;
    let close: () => Promise<void>;

    beforeAll(async () => {
      const users = new MemoryUserStore([
        { issuer: server.url, subject: 'alice', active: true },
        { issuer: server.url, subject: 'carol', active: false },
      ]);
      resourceServer = await createResourceServer({
        env: {},
        settings: { ...BACKENDS[backend]?.(server), OIDC_RS_ALLOWED_AUDIENCES: ['spa', 'robot'] },
        userStore: users,
        logger,
      });
      ({ origin, close } = await (FRAMEWORKS[framework] as StartApplication)(resourceServer as never));
    });
    afterAll(async () => {
      await close();
      await resourceServer.close();
    });

    async function ask(
      path: string,
      token?: string,
    ): Promise<[status: number, body: Record<string, unknown>]> {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(origin + path, { headers });
      return [response.status, (await response.json()) as Record<string, unknown>];
    }

    it('lets the person in who logged in', async () => {
      expect(await ask('/me', alice.accessToken)).toEqual([200, { subject: 'alice' }]);
    });

    it('keeps everybody else out', async () => {
      const tokens: [string, string | undefined, number][] = [
        ['no token', undefined, 401],
        ['a made-up token', 'made-up', 401],
        ["the person's refresh token (I9)", alice.refreshToken, 401],
        ["the person's ID token (I9, R6)", alice.idToken, 401],
        [
          'an expired token',
          (await server.tokensFor('alice', { scopes: ['groups'], expiresIn: -60 })).accessToken,
          401,
        ],
        [
          'a token without the scope',
          (await server.tokensFor('alice', { scopes: ['openid'] })).accessToken,
          403,
        ],
        ['an unknown user (U6)', (await server.tokensFor('bob', { scopes: ['groups'] })).accessToken, 401],
        ['a disabled user (U5)', (await server.tokensFor('carol', { scopes: ['groups'] })).accessToken, 401],
        [
          'a key-bound token (I12)',
          (await server.tokensFor('alice', { scopes: ['groups'], dpopJkt: 'A'.repeat(43) })).accessToken,
          401,
        ],
        ["a client's token (I10)", await server.clientToken({ scopes: ['groups'] }), 401],
        ['a JWT-shaped token (R6)', 'eyJhbGciOiJub25lIn0.e30.', 401],
      ];
      for (const [name, token, status] of tokens) {
        expect([name, (await ask('/me', token))[0]]).toEqual([name, status]);
      }
    });

    it('refuses a token from the moment it is revoked', async () => {
      const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'] });
      expect((await ask('/me', accessToken))[0]).toBe(200);
      await server.revoke(accessToken);
      expect((await ask('/me', accessToken))[0]).toBe(401);
    });

    it('lets a client in where the route takes clients (I10)', async () => {
      const token = await server.clientToken({ scopes: ['groups'] });
      expect(await ask('/client', token)).toEqual([200, { client: 'robot', subject: null }]);
    });

    it('names no token and no secret in its log (E1)', () => {
      const log = logger.text;
      expect(logger.records.length).toBeGreaterThan(5);
      for (const secret of [
        alice.accessToken,
        alice.refreshToken,
        server.settingsFor('json').OIDC_RS_CLIENT_SECRET,
      ]) {
        expect(log).not.toContain(secret);
      }
    });
  });
});

describe('an authorization server in trouble', () => {
  it('that is down at the start: the API starts, answers 503, and recovers (K6)', async () => {
    const own = await startAuthorizationServer({ encryptionJwks: keys.jwks });
    const { accessToken } = await own.tokensFor('alice', { scopes: ['groups'] });
    await own.stop();
    for (const settings of [
      own.settingsFor('json'),
      own.settingsFor('jwt', {
        OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
        OIDC_RS_PRIVATE_KEY_STR: keys.pem,
      }),
    ]) {
      const resourceServer = await createResourceServer({ env: {}, settings, logger: new RecordingLogger() });
      const request = { method: 'GET', url: '/', rawHeaders: ['Authorization', `Bearer ${accessToken}`] };
      await expect(resourceServer.authenticate(request)).rejects.toMatchObject({
        code: 'ERR_AS_UNAVAILABLE',
      });
      await own.restart();
      expect(await resourceServer.authenticate(request)).toMatchObject({ user: { subject: 'alice' } });
      await own.stop();
      await expect(resourceServer.authenticate(request)).rejects.toMatchObject({
        code: 'ERR_AS_UNAVAILABLE',
      });
      await resourceServer.close();
    }
  });

  it('that signs with new keys: its answers are believed at once (K3)', async () => {
    const own = await startAuthorizationServer({ encryptionJwks: keys.jwks });
    const settings = own.settingsFor('jwt', {
      OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
    });
    const logger = new RecordingLogger();
    const { accessToken } = await own.tokensFor('alice', { scopes: ['groups'] });
    const request = { method: 'GET', url: '/', rawHeaders: ['Authorization', `Bearer ${accessToken}`] };
    let resourceServer = await createResourceServer({ env: {}, settings, logger });
    await resourceServer.authenticate(request);
    await own.rotateKeys();
    // Within the cooldown of the first fetch the new key is not looked for, and nothing is believed that it signed.
    await expect(resourceServer.authenticate(request)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_AS_/) as string,
    });
    await resourceServer.close();
    resourceServer = await createResourceServer({ env: {}, settings, logger });
    expect(await resourceServer.authenticate(request)).toMatchObject({ user: { subject: 'alice' } });
    await resourceServer.close();
    await own.stop();
  });

  it('that knows another secret: 503 and an alarm, never 401 (A7)', async () => {
    for (const method of ['auto', 'client_secret_basic', 'client_secret_post']) {
      const logger = new RecordingLogger();
      const settings = server.settingsFor('json', {
        OIDC_RS_CLIENT_SECRET: 'wrong',
        OIDC_RS_CLIENT_AUTH_METHOD: method,
      });
      const resourceServer = await createResourceServer({ env: {}, settings, logger });
      const request = {
        method: 'GET',
        url: '/',
        rawHeaders: ['Authorization', `Bearer ${alice.accessToken}`],
      };
      await expect(resourceServer.authenticate(request)).rejects.toMatchObject({
        code: 'ERR_AS_CLIENT_REJECTED',
      });
      expect(
        logger.records.filter(({ level }) => level === 'error').map(({ fields }) => fields.event),
      ).toEqual(['as.client_rejected']);
      const asked = server.introspections;
      await expect(resourceServer.authenticate(request)).rejects.toMatchObject({
        code: 'ERR_AS_CLIENT_REJECTED',
      });
      expect(server.introspections).toBe(asked);
      await resourceServer.close();
    }
  });

  it('that is asked for the wrong kind of answer: 503, and the log names the setting (J1, A11)', async () => {
    const wrong = [
      // Registered for signed and encrypted answers, asked for plain ones.
      server.settingsFor('jwt', { OIDC_RS_BACKEND_CLASS: 'IntrospectionResourceServerBackend' }),
      // Registered for plain answers, asked for signed and encrypted ones.
      server.settingsFor('json', {
        OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
        OIDC_RS_PRIVATE_KEY_STR: keys.pem,
      }),
    ];
    for (const settings of wrong) {
      const logger = new RecordingLogger();
      const resourceServer = await createResourceServer({ env: {}, settings, logger });
      const request = {
        method: 'GET',
        url: '/',
        rawHeaders: ['Authorization', `Bearer ${alice.accessToken}`],
      };
      await expect(resourceServer.authenticate(request)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_AS_UN/) as string,
      });
      await resourceServer.close();
    }
  });
});

describe('OIDC_RS_RESOURCE', () => {
  it('takes tokens for this API only, and none without an audience (I5)', async () => {
    const resource = 'https://api.example.com';
    const settings = server.settingsFor('json', { OIDC_RS_RESOURCE: resource });
    const resourceServer = await createResourceServer({ env: {}, settings, logger: new RecordingLogger() });
    const ask = async (request: { resource?: string }): Promise<unknown> => {
      const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'], ...request });
      const rawHeaders = ['Authorization', `Bearer ${accessToken}`];
      return resourceServer.authenticate({ method: 'GET', url: '/', rawHeaders });
    };
    expect(await ask({ resource })).toMatchObject({ user: { subject: 'alice' } });
    await expect(ask({ resource: 'https://other.example.com' })).rejects.toMatchObject({
      reason: 'resource',
    });
    await expect(ask({})).rejects.toMatchObject({ reason: 'resource' });
    await resourceServer.close();
  });
});
