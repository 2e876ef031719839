import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  type AccessToken,
  AuthorizationServerClient,
  type BackendDependencies,
  type Claims,
  type ClaimsUser,
  ConfigurationError,
  createResourceServer,
  FetchHttpAdapter,
  type HttpAdapter,
  IntrospectionResourceServerBackend,
  MemoryUserStore,
  type ResourceServerOptions,
} from 'oidc-resource-server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newApiKeys } from './support/api-keys.ts';
import { RecordingLogger } from './support/recording-logger.ts';

const SETTINGS = {
  OIDC_OP_URL: 'https://auth.example.com',
  OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/introspect',
  OIDC_RS_CLIENT_ID: 'api',
  OIDC_RS_CLIENT_SECRET: 'the-secret',
};
const REQUEST = { method: 'GET', url: '/', rawHeaders: ['Authorization', 'Bearer a-token'] };
const LIVE = { active: true, sub: 'alice', client_id: 'spa', token_type: 'Bearer', scope: 'groups' };

/** Answers every introspection with the same claims, after as long as it is told to wait. */
class StubHttp implements HttpAdapter {
  closed = 0;
  requests = 0;
  claims: object = LIVE;
  wait: Promise<void> = Promise.resolve();
  request = async (): ReturnType<HttpAdapter['request']> => {
    this.requests += 1;
    await this.wait;
    const body = Buffer.from(JSON.stringify(this.claims));
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  };
  close = (): Promise<void> => {
    this.closed += 1;
    return Promise.resolve();
  };
}

async function problemsOf(options: ResourceServerOptions<unknown>): Promise<readonly string[]> {
  const error: unknown = await createResourceServer({
    env: {},
    logger: new RecordingLogger(),
    ...options,
  }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ConfigurationError ? error.problems : [];
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the start', () => {
  it("reports the schema's, the key's and the backend's problems at once, names not values (X6)", async () => {
    const problems = await problemsOf({
      settings: {
        OIDC_TIMEOUT: '5s',
        OIDC_RS_CLIENT_SECRET: 'the-secret',
        OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
        OIDC_RS_PRIVATE_KEY_STR: newApiKeys('ec').pem,
      },
    });
    const names = problems.map((problem) => /^[A-Z_]+/.exec(problem)?.[0]).sort();
    expect(names).toEqual(['OIDC_OP_URL', 'OIDC_RS_CLIENT_ID', 'OIDC_RS_PRIVATE_KEY_STR', 'OIDC_TIMEOUT']);
    expect(problems.join()).not.toMatch(/the-secret|BEGIN/);
  });

  it('lists the known names when a backend has an unknown one, with all other problems (X6)', async () => {
    const problems = await problemsOf({
      settings: { OIDC_RS_BACKEND_CLASS: 'JWTBackend', OIDC_TIMEOUT: 'soon' },
    });
    expect(problems).toHaveLength(2);
    expect(problems.join()).toContain('JWTResourceServerBackend');
  });

  it("asks a factory's backend for what it needs", async () => {
    class Needy extends IntrospectionResourceServerBackend<ClaimsUser> {
      static override readonly requiredSettings = ['OIDC_OP_TOKEN_ENDPOINT'] as const;
    }
    const useFactory = (dependencies: BackendDependencies<ClaimsUser>): Needy => new Needy(dependencies);
    const problems = await problemsOf({ settings: SETTINGS, backend: { useFactory } });
    expect(problems).toEqual([expect.stringMatching(/^OIDC_OP_TOKEN_ENDPOINT .*Needy/)]);
  });

  it('refuses an option that is no backend', async () => {
    expect(await problemsOf({ settings: SETTINGS, backend: Date as never })).toHaveLength(1);
  });

  it('names the backend and the user store in its log, and asks nobody', async () => {
    const logger = new RecordingLogger();
    const http = new StubHttp();
    await createResourceServer({ env: {}, settings: SETTINGS, http, logger });
    expect(logger.records.find(({ level }) => level === 'info')?.fields).toEqual({
      event: 'resource_server.started',
      backend: 'IntrospectionResourceServerBackend',
      user_store: 'ClaimsUserStore',
      issuer: SETTINGS.OIDC_OP_URL,
    });
    expect(http.requests).toBe(0);
  });

  it('warns once where any token of the authorization server is taken (I5)', async () => {
    for (const [settings, warnings] of [
      [{}, 1],
      [{ OIDC_RS_RESOURCE: 'https://api.example.com' }, 0],
      [{ OIDC_RS_ALLOWED_AUDIENCES: ['spa'] }, 0],
    ] as const) {
      const logger = new RecordingLogger();
      await createResourceServer({
        env: {},
        settings: { ...SETTINGS, ...settings },
        http: new StubHttp(),
        logger,
      });
      expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(warnings);
    }
  });

  it('takes its settings from the environment where nothing else is given', async () => {
    for (const [name, value] of Object.entries(SETTINGS)) vi.stubEnv(name, value);
    const resourceServer = await createResourceServer({
      http: new StubHttp(),
      logger: new RecordingLogger(),
    });
    expect(await resourceServer.authenticate(REQUEST)).toMatchObject({ user: { subject: 'alice' } });
    vi.unstubAllEnvs();
  });
});

describe('OIDC_RESOURCE_SERVER_ENABLED=false', () => {
  it('needs no other setting, asks nobody, lets nothing through and publishes nothing', async () => {
    const http = new StubHttp();
    const resourceServer = await createResourceServer({
      env: { OIDC_RESOURCE_SERVER_ENABLED: 'False' },
      http,
    });
    for (const requirements of [undefined, { optional: true }, { clients: true }] as const) {
      for (const request of [REQUEST, { ...REQUEST, rawHeaders: [] }]) {
        const refusal = resourceServer.authenticate(request, requirements);
        await expect(refusal).rejects.toMatchObject({ code: 'ERR_DISABLED' });
        expect(resourceServer.challenge(await refusal.catch((error: unknown) => error)).status).toBe(503);
      }
    }
    expect(resourceServer.endpoints).toEqual([]);
    expect(http.requests).toBe(0);
    await resourceServer.close();
  });
});

describe('two resource servers in one process', () => {
  it('share nothing: settings, backend, user store, connections', async () => {
    const [first, second] = [new StubHttp(), new StubHttp()];
    const backends: unknown[] = [];
    class Counting extends IntrospectionResourceServerBackend<ClaimsUser> {
      constructor(dependencies: BackendDependencies<ClaimsUser>) {
        super(dependencies);
        backends.push(this);
      }
    }
    const logger = new RecordingLogger();
    const options = { env: {}, backend: Counting, logger };
    const one = await createResourceServer({
      ...options,
      http: first,
      settings: { ...SETTINGS, OIDC_RS_SCOPES: ['groups'] },
    });
    const two = await createResourceServer({
      ...options,
      http: second,
      settings: { ...SETTINGS, OIDC_RS_SCOPES: ['other'], OIDC_RS_REALM: 'two' },
    });
    expect(new Set(backends).size).toBe(2);
    await one.authenticate(REQUEST);
    const refusal: unknown = await two.authenticate(REQUEST).catch((error: unknown) => error);
    expect(two.challenge(refusal).headers['www-authenticate']).toMatch(/^Bearer realm="two".*scope="other"$/);
    expect([first.requests, second.requests]).toEqual([1, 1]);
    await one.close();
    await expect(one.authenticate(REQUEST)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(two.authenticate(REQUEST)).rejects.toMatchObject({ code: 'ERR_INSUFFICIENT_SCOPE' });
  });
});

describe('close', () => {
  it('lets requests in flight finish and refuses new ones (X1)', async () => {
    const sockets = new Set<unknown>();
    const authorizationServer = createServer((request, response) => {
      sockets.add(request.socket);
      setTimeout(() => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(LIVE));
      }, 150);
    });
    await new Promise<void>((resolve) => authorizationServer.listen(0, '127.0.0.1', resolve));
    const { port } = authorizationServer.address() as AddressInfo;
    const url = `http://127.0.0.1:${String(port)}`;
    const settings = { ...SETTINGS, OIDC_OP_URL: url, OIDC_OP_INTROSPECTION_ENDPOINT: url };
    const resourceServer = await createResourceServer({ env: {}, settings, logger: new RecordingLogger() });
    const inFlight = resourceServer.authenticate(REQUEST);
    await vi.waitUntil(() => sockets.size > 0);
    const closing = resourceServer.close();
    await expect(resourceServer.authenticate(REQUEST)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(await inFlight).toMatchObject({ user: { subject: 'alice' } });
    await closing;
    await resourceServer.close();
    // Would hang if a kept connection were still open.
    await new Promise((resolve) => authorizationServer.close(resolve));
  });

  it("leaves the application's own HTTP adapter open", async () => {
    const http = new StubHttp();
    const resourceServer = await createResourceServer({
      env: {},
      settings: SETTINGS,
      http,
      logger: new RecordingLogger(),
    });
    await resourceServer.close();
    expect(http.closed).toBe(0);
  });
});

describe('plugs', () => {
  it('another HTTP adapter, another client of the authorization server', async () => {
    class Deviating extends AuthorizationServerClient {
      override async introspect(token: string): Promise<Claims> {
        return { ...(await super.introspect(token)), client_id: 'renamed' };
      }
    }
    const http = new StubHttp();
    const resourceServer = await createResourceServer({
      env: {},
      settings: SETTINGS,
      http,
      logger: new RecordingLogger(),
      backend: {
        useFactory: (dependencies: BackendDependencies<ClaimsUser>) =>
          new IntrospectionResourceServerBackend<ClaimsUser>(dependencies, new Deviating(dependencies)),
      },
    });
    expect((await resourceServer.authenticate(REQUEST)).audience).toBe('renamed');
    expect(new FetchHttpAdapter()).toHaveProperty('request');
  });

  it('hooks see the token, and what they add to the claims is frozen', async () => {
    const seen: string[] = [];
    class Enriching extends IntrospectionResourceServerBackend<ClaimsUser> {
      protected override async introspect(token: AccessToken): Promise<Claims> {
        seen.push(token.reveal());
        return { ...(await super.introspect(token)), groups: ['pharmacy'] };
      }
    }
    const options = { env: {}, settings: SETTINGS, http: new StubHttp(), logger: new RecordingLogger() };
    const resourceServer = await createResourceServer({ ...options, backend: Enriching });
    const { claims } = await resourceServer.authenticate(REQUEST);
    expect(seen).toEqual(['a-token']);
    expect(claims.groups).toEqual(['pharmacy']);
    expect(Object.isFrozen(claims.groups)).toBe(true);
  });
});

describe('over time', () => {
  it('keeps no memory for tokens: ten thousand different ones leave the heap flat (X3)', async () => {
    const http = new StubHttp();
    const users = new MemoryUserStore([{ issuer: SETTINGS.OIDC_OP_URL, subject: 'alice', active: true }]);
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    };
    const resourceServer = await createResourceServer({
      env: {},
      settings: SETTINGS,
      http,
      userStore: users,
      logger,
    });
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const round = async (name: string): Promise<number> => {
      for (let i = 0; i < 10_000; i += 1) {
        const rawHeaders = ['Authorization', `Bearer ${name}-${String(i)}-${'x'.repeat(100)}`];
        await resourceServer.authenticate({ method: 'GET', url: '/', rawHeaders });
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await round('warm-up');
    const before = await round('first');
    const after = await round('second');
    // Ten thousand kept tokens would be 1.5 MB and more.
    expect(after - before).toBeLessThan(1_000_000);
  });
});
