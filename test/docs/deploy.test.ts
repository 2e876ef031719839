import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { createResourceServer, type Logger, type ResourceServer } from 'oidc-resource-server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readSettings } from '../../src/settings.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import { startNode } from '../framework/node-contract.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { commandFor } from '../support/example-process.ts';
import {
  credentialsOf,
  type IntrospectionServer,
  live,
  startIntrospectionServer,
} from '../support/introspection-server.ts';
import { rawRequest } from '../support/raw-http.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { pageAt, ROOT } from './pages.ts';

// Some tests start processes, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const page = pageAt('docs/guides/deploy.md');
const REQUEST = { method: 'GET', url: '/', rawHeaders: ['Authorization', 'Bearer a-token'] };
const BEARER = ['Authorization: Bearer a-token'];

const directory = mkdtempSync(join(tmpdir(), 'deploy-guide-'));
let introspection: IntrospectionServer;
beforeAll(async () => {
  introspection = await startIntrospectionServer();
});
afterAll(async () => {
  await introspection.close();
  rmSync(directory, { recursive: true });
});

/** Starts a resource server, lets it be used, and closes it. */
async function withResourceServer<T>(
  env: Record<string, string | undefined>,
  use: (resourceServer: ResourceServer<unknown>, logger: RecordingLogger) => Promise<T>,
): Promise<T> {
  const logger = new RecordingLogger();
  const resourceServer = await createResourceServer({ env, logger });
  try {
    return await use(resourceServer, logger);
  } finally {
    await resourceServer.close();
  }
}

/** The example of the guide in a process of its own. */
function startProcess(settings: Readonly<Record<string, string | undefined>>) {
  const [command, args] = commandFor('tsx', 'examples/guides/shutdown.ts');
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>;
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const listening = async (): Promise<string> => {
    for await (const line of createInterface(child.stdout)) {
      const port = /Listening on http:\/\/localhost:(\d+)/.exec(line)?.[1];
      if (port !== undefined) return `http://localhost:${port}`;
    }
    throw new Error(`It ended before it listened: ${said}`);
  };
  return { child, exited, listening, said: () => said };
}

/** Whether something listens there. */
async function takesConnections(origin: string): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('settings and secrets', () => {
  const compose = page.fences.find(({ note }) => note === 'compose')?.content ?? '';
  const environment = Object.fromEntries(
    [...compose.matchAll(/^ {6}([A-Z_]+): (\S+)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );

  it('the Compose file names its secret where Compose puts it, and starts the API', async () => {
    expect(Object.keys(environment)).toHaveLength(6);
    const path = environment.OIDC_RS_CLIENT_SECRET_FILE ?? '';
    const secret = /^\/run\/secrets\/(\w+)$/.exec(path)?.[1] ?? '';
    expect(compose).toContain(`secrets: [${secret}]\n`);
    expect(compose).toContain(`secrets:\n  ${secret}:\n    file: `);
    const file = join(directory, 'compose-secret');
    writeFileSync(file, 'the-secret\n');
    const env = { ...environment, OIDC_RS_CLIENT_SECRET_FILE: file };
    await withResourceServer(env, (_, logger) => {
      expect(logger.records.map(({ fields }) => fields.event)).toEqual(['resource_server.started']);
      return Promise.resolve();
    });
  });

  it('a file is read once, at the start', async () => {
    const file = join(directory, 'secret');
    writeFileSync(file, 'the-first\n');
    const env = introspection.settings({
      OIDC_RS_CLIENT_SECRET: undefined,
      OIDC_RS_CLIENT_SECRET_FILE: file,
    });
    introspection.reset();
    const ask = (resourceServer: ResourceServer<unknown>) => resourceServer.authenticate(REQUEST);
    await withResourceServer(env, async (resourceServer) => {
      writeFileSync(file, 'the-second\n');
      await ask(resourceServer);
    });
    await withResourceServer(env, ask);
    expect(introspection.requests.map((request) => credentialsOf(request).secret)).toEqual([
      'the-first',
      'the-second',
    ]);
  });

  it('all problems are on standard error, and the process ends with status 1', async () => {
    const { exited, said } = startProcess({ OIDC_OP_URL: 'auth.example.com', OIDC_TIMEOUT: '5s' });
    expect(await exited).toEqual([1, null]);
    for (const name of ['OIDC_OP_URL', 'OIDC_TIMEOUT', 'OIDC_RS_CLIENT_ID', 'OIDC_RS_CLIENT_SECRET']) {
      expect(said()).toContain(`- ${name} `);
    }
  });
});

describe('https', () => {
  const refused = page.fences.find(({ note }) => note === 'refused')?.content ?? '';

  it('the settings that production refuses are warned about elsewhere', () => {
    const env = Object.fromEntries(
      refused
        .trim()
        .split('\n')
        .map((line) => line.split('=') as [string, string]),
    );
    const { problems, warnings } = readSettings({ env: { ...env, NODE_ENV: 'development' } });
    expect(problems).toEqual([]);
    expect(warnings).toHaveLength(3);
    expect(readSettings({ env }).problems).toHaveLength(3);
  });

  it('an authority of the own network is trusted by OIDC_CA_FILE, and not without', async () => {
    const { ca, good } = await testCertificates();
    const server = createTlsServer(good, (_, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(live()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`;
      const file = join(directory, 'ca.pem');
      writeFileSync(file, ca);
      const env = introspection.settings({
        OIDC_OP_INTROSPECTION_ENDPOINT: endpoint,
        NODE_ENV: 'production',
      });
      const trusting = { ...env, OIDC_CA_FILE: file };
      const user = await withResourceServer(trusting, (rs) => rs.authenticate(REQUEST));
      expect(user).toMatchObject({ user: { subject: 'alice' } });
      await withResourceServer(env, async (rs, logger) => {
        await expect(rs.authenticate(REQUEST)).rejects.toMatchObject({ code: 'ERR_AS_UNAVAILABLE' });
        expect(logger.text).toContain('"kind":"tls"');
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

describe('behind a reverse proxy', () => {
  it('headers of proxies change nothing', async () => {
    introspection.reset();
    await withResourceServer(introspection.settings(), async (resourceServer) => {
      const { origin, close } = await startNode(resourceServer as never);
      try {
        const forwarded = [
          'X-Forwarded-For: 127.0.0.1',
          'X-Forwarded-Host: internal.example.com',
          'X-Forwarded-Proto: http',
          'X-Forwarded-Prefix: /admin',
          'X-Forwarded-Uri: /optional',
          'X-Original-URL: /optional',
          'X-Forwarded-User: root',
          'X-Forwarded-Access-Token: a-token',
          'X-HTTP-Method-Override: OPTIONS',
          'Forwarded: for=127.0.0.1;proto=http',
        ];
        const plain = await rawRequest(origin, 'GET /me', BEARER);
        const proxied = await rawRequest(origin, 'GET /me', [...BEARER, ...forwarded]);
        expect([plain.status, plain.body]).toEqual([200, '{"subject":"alice"}']);
        expect([proxied.status, proxied.body]).toEqual([plain.status, plain.body]);
        expect(plain.headers.get('cache-control')).toEqual(['private']);
        const asked = introspection.requests.map(({ body }) => body);
        expect(asked[0]).toBe(asked[1]);
        const refused = await rawRequest(origin, 'GET /me', forwarded);
        expect([refused.status, refused.headers.get('cache-control')]).toEqual([401, ['no-store']]);
      } finally {
        await close();
      }
    });
  });
});

describe('time limits', () => {
  it('an authorization server that is silent costs OIDC_TIMEOUT, then 503', async () => {
    const silent = createTcpServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/introspect`;
    const env = introspection.settings({
      OIDC_OP_INTROSPECTION_ENDPOINT: endpoint,
      OIDC_TIMEOUT: '0.3',
    });
    try {
      await withResourceServer(env, async (resourceServer) => {
        const startedAt = performance.now();
        const error: unknown = await resourceServer.authenticate(REQUEST).catch((thrown: unknown) => thrown);
        expect(resourceServer.challenge(error).status).toBe(503);
        const ms = performance.now() - startedAt;
        expect(ms).toBeGreaterThan(250);
        expect(ms).toBeLessThan(3000);
      });
    } finally {
      silent.close();
    }
  });
});

describe('several processes and the authorization server', () => {
  let server: TestAuthorizationServer;
  beforeAll(async () => {
    server = await startAuthorizationServer();
  });
  afterAll(() => server.stop());

  const statusOf = async (resourceServer: ResourceServer<unknown>, token: string): Promise<number> => {
    try {
      await resourceServer.authenticate({ ...REQUEST, rawHeaders: ['Authorization', `Bearer ${token}`] });
      return 200;
    } catch (error) {
      return resourceServer.challenge(error).status;
    }
  };

  it('each request with a token is one introspection, and a revoked token is refused by all at once', async () => {
    const settings = server.settingsFor('json');
    await withResourceServer(settings, (first) =>
      withResourceServer(settings, async (second) => {
        const token = await server.tokenFor('alice', { scopes: ['groups'] });
        const start = server.introspections;
        for (const process of [first, second, first, second])
          expect(await statusOf(process, token)).toBe(200);
        expect(server.introspections - start).toBe(4);
        await server.revoke(token);
        for (const process of [first, second]) expect(await statusOf(process, token)).toBe(401);
      }),
    );
  });

  it('while it is down the API starts, its open route answers, and a guarded route without a token asks nobody (K6)', async () => {
    const token = await server.tokenFor('alice', { scopes: ['groups'] });
    await server.stop();
    const { child, exited, listening } = startProcess(server.settingsFor('json'));
    try {
      const origin = await listening();
      expect((await fetch(`${origin}/health`)).status).toBe(200);
      expect((await fetch(`${origin}/me`)).status).toBe(401);
      const headers = { authorization: `Bearer ${token}` };
      expect((await fetch(`${origin}/me`, { headers })).status).toBe(503);
      await server.restart();
      expect((await fetch(`${origin}/me`, { headers })).status).toBe(200);
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  });
});

describe('stopping', () => {
  // At the same time, since the last one has to wait for its time limit.
  it.concurrent.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: requests in flight finish, then the process ends with status 0 (X1)',
    async (signal) => {
      const own = await startIntrospectionServer();
      const gate = deferred();
      own.answerWith(async () => {
        await gate.promise;
        return { body: live() };
      });
      const { child, exited, listening } = startProcess(own.settings());
      try {
        const origin = await listening();
        expect((await fetch(`${origin}/health`)).status).toBe(200); // and keeps its connection
        const inFlight = fetch(`${origin}/me`, { headers: { authorization: 'Bearer a-token' } });
        await vi.waitFor(() => {
          expect(own.requests).toHaveLength(1);
        }, 15_000);
        child.kill(signal);
        await vi.waitFor(async () => {
          expect(await takesConnections(origin)).toBe(false);
        }, 15_000);
        expect(child.exitCode).toBeNull();
        gate.resolve();
        const answer = await inFlight;
        expect([answer.status, await answer.json()]).toMatchObject([200, { subject: 'alice' }]);
        expect(await exited).toEqual([0, null]);
      } finally {
        child.kill('SIGKILL');
        await own.close();
      }
    },
  );

  it.concurrent('who is not done after 8 seconds is cut off, and the status is 0 all the same', async () => {
    const { child, exited, listening } = startProcess(introspection.settings());
    try {
      const { hostname, port } = new URL(await listening());
      const slow = connect(Number(port), hostname);
      slow.write('GET /health HTTP/1.1\r\nHost: localhost\r\n'); // and no more: its request never ends
      const cutOff = once(slow, 'close');
      slow.on('error', () => undefined);
      await setTimeout(300);
      const killedAt = performance.now();
      child.kill('SIGTERM');
      await cutOff;
      const ms = performance.now() - killedAt;
      expect(await exited).toEqual([0, null]);
      expect(ms).toBeGreaterThan(7500);
      expect(ms).toBeLessThan(30_000); // Node itself would wait for a minute
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('logs', () => {
  it('pino itself can be passed, and no line has the token or the secret (E1)', async () => {
    // Not a dependency of this project: the one that Fastify brings.
    const require = createRequire(createRequire(import.meta.url).resolve('fastify'));
    const pino = require('pino') as (options: object, destination: { write(line: string): void }) => Logger;
    const lines: string[] = [];
    introspection.reset();
    introspection.answerWith({ body: { active: false } }, { status: 500 });
    const logger = pino({}, { write: (line) => lines.push(line) });
    const resourceServer = await createResourceServer({ env: introspection.settings(), logger });
    for (let i = 0; i < 2; i += 1) await expect(resourceServer.authenticate(REQUEST)).rejects.toThrow();
    await resourceServer.close();
    const records = lines.map((line) => JSON.parse(line) as { event: string; level: number; msg: string });
    expect(records.map(({ event }) => event)).toEqual([
      'settings.warning',
      'resource_server.started',
      'as.client_authentication',
      'token.rejected',
      'as.unavailable',
    ]);
    for (const { msg } of records) expect(msg).toMatch(/\.$/);
    for (const secret of ['a-token', 'the-secret-of-the-api']) expect(lines.join('')).not.toContain(secret);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
