import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { rawRequest } from '../support/raw-http.ts';
import { missingProgram, type RunningProgram, startApi, startProxy } from '../support/reverse-proxy.ts';
import { ask, identityIn, type ServeHere, serveHere } from '../support/reverse-proxy-serve.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/forward-auth/', import.meta.url));
const POLICIES = `${EXAMPLES}policies.json`;
const SPOOFED = ['Subject', 'User-Id', 'Email', 'Audience', 'Scopes'].flatMap((name) => [
  `X-Auth-${name}: admin`,
  `x-auth-${name.toLowerCase()}: root`,
]);

let authorizationServer: TestAuthorizationServer;
let serve: ServeHere;
let settings: Record<string, string>;
beforeAll(async () => {
  authorizationServer = await startAuthorizationServer();
  settings = authorizationServer.settingsFor('json', {
    OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot',
    OIDC_RS_SCOPES: 'groups',
  });
  serve = await serveHere(settings, { policies: POLICIES });
});
afterAll(async () => {
  await serve.stop();
  await authorizationServer.stop();
});

const tokenOf = (who: string, ...scopes: string[]): Promise<string> =>
  authorizationServer.tokenFor(who, { scopes });

/** What the API says that it got. */
interface Received {
  readonly path: string;
  readonly caller: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

describe.each(['nginx', 'caddy'] as const)('real %s in front of an API in Python', (program) => {
  const missing = missingProgram(program, 'python3');
  let api: RunningProgram;
  let proxy: RunningProgram;
  beforeAll(async () => {
    if (missing !== undefined) return;
    api = await startApi();
    proxy = await startProxy(program, { auth: serve.url, api: api.url });
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    await proxy.stop();
    await api.stop();
  });

  async function send(
    target: string,
    { token, headers = [], body }: { token?: string; headers?: readonly string[]; body?: string } = {},
  ) {
    const authorization = token === undefined ? [] : [`Authorization: Bearer ${token}`];
    const answer = await rawRequest(
      proxy.url,
      `${body === undefined ? 'GET' : 'POST'} ${target}`,
      [...authorization, ...headers],
      body,
    );
    return {
      status: answer.status,
      text: answer.body,
      header: (name: string) => answer.headers.get(name),
      received: () => JSON.parse(answer.body) as Received,
    };
  }

  // A reason for skipping is the name of the test then.
  const real = missing === undefined ? it : it.skip;

  real('lets a good token through, with who it is and the whole body', async () => {
    const answer = await send('/things?page=2', {
      token: await tokenOf('alice', 'openid', 'groups'),
      body: 'x'.repeat(100_000),
    });
    expect(answer.status).toBe(200);
    const { path, caller, body } = answer.received();
    expect(path).toBe('/things?page=2');
    expect(body).toHaveLength(100_000);
    expect(caller).toMatchObject({ Subject: ['alice'], Audience: ['spa'], Scopes: ['openid groups'] });
  });

  real('never hands on an identity that the caller sent', async () => {
    const token = await tokenOf('alice', 'groups');
    for (const [target, credentials] of [
      ['/things', { token }],
      ['/health', {}],
    ] as const) {
      const answer = await send(target, { ...credentials, headers: SPOOFED });
      expect(answer.status).toBe(200);
      const values = Object.values(answer.received().caller).flat();
      expect(values).not.toContain('admin');
      expect(values).not.toContain('root');
    }
  });

  real('hands on the challenge of a refusal: 401 without credentials, 403 without the scope', async () => {
    const none = await send('/things');
    expect(none.status).toBe(401);
    expect(none.header('www-authenticate')).toEqual(['Bearer realm="api"']);
    const dead = await send('/things', { token: 'dead' });
    expect(dead.status).toBe(401);
    expect(dead.header('www-authenticate')?.join()).toContain('error="invalid_token"');
    const weak = await send('/things', { token: await tokenOf('alice', 'profile') });
    expect(weak.status).toBe(403);
    expect(weak.header('www-authenticate')).toHaveLength(1);
    expect(weak.header('www-authenticate')?.join()).toContain('error="insufficient_scope"');
    expect(weak.header('www-authenticate')?.join()).toContain('scope="groups"');
    expect(weak.header('content-type')?.join()).toContain('application/problem+json');
    expect(weak.header('cache-control')?.join()).toContain('no-store');
  });

  real('hands on 400, which nginx by itself would make 500 of (R2)', async () => {
    const answer = await send('/things', {
      token: await tokenOf('alice', 'groups'),
      headers: ['Authorization: Basic cHJveHk6eA=='],
    });
    expect(answer.status).toBe(400);
    // nginx refuses a second Authorization header itself.
    if (program === 'caddy') expect(answer.text).toContain('invalid_request');
    const malformed = await send('/things', { headers: ['Authorization: Bearer a b'] });
    expect(malformed.status).toBe(400);
    expect(malformed.header('www-authenticate')?.join()).toContain('error="invalid_request"');
  });

  real('asks more where the path does', async () => {
    expect((await send('/reports/1', { token: await tokenOf('alice', 'groups') })).status).toBe(403);
    const token = await tokenOf('alice', 'groups', 'reports');
    expect((await send('/reports/1', { token })).received().caller.Scopes).toEqual(['groups reports']);
  });

  real('cannot be led around a guard by another spelling of the path (R8)', async () => {
    const token = await tokenOf('alice', 'groups');
    for (const target of [
      '/things',
      '//things',
      '/health/../things',
      '/health/%2e%2e/things',
      '/health%2f..%2fthings',
      '/%68ealth/../things',
      '/health/',
      '/health;x/../things',
      'http://127.0.0.1/things',
    ]) {
      expect([target, (await send(target)).status]).toEqual([target, expect.toBeOneOf([400, 401])]);
    }
    for (const target of [
      '/reports/1',
      '/x/../reports/1',
      '/x/%2e%2e/reports/1',
      '//reports/1',
      '/%72eports/1',
    ]) {
      const { status, text } = await send(target, { token });
      // Whatever gets through is not what the API takes for the guarded path.
      if (status === 200)
        expect([target, (JSON.parse(text) as Received).path]).not.toEqual([target, '/reports/1']);
      else expect([400, 403]).toContain(status);
    }
  });

  real('answers 503 while the authorization server is down, and lets in again afterwards', async () => {
    const token = await tokenOf('alice', 'groups');
    await authorizationServer.stop();
    try {
      const answer = await send('/things', { token });
      expect(answer.status).toBe(503);
      expect(answer.header('www-authenticate')).toBeUndefined();
      expect(answer.header('content-type')?.join()).toContain('application/problem+json');
    } finally {
      await authorizationServer.restart();
    }
    const again = await authorizationServer.tokenFor('alice', { scopes: ['groups'] });
    expect((await send('/things', { token: again })).status).toBe(200);
  });

  real('refuses while oidc-rs itself is not there', async () => {
    const gone = await startProxy(program, { auth: 'http://127.0.0.1:9', api: api.url });
    try {
      const { status } = await rawRequest(gone.url, 'GET /things', [
        `Authorization: Bearer ${await tokenOf('alice', 'groups')}`,
      ]);
      expect([502, 503]).toContain(status);
    } finally {
      await gone.stop();
    }
  });
});

describe('the requests that others send by their documentation (they are not run here)', () => {
  it('Traefik ForwardAuth: GET to the address, with the original request in X-Forwarded headers', async () => {
    const forwarded = [
      'X-Forwarded-Method: POST',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: api.example.com',
      'X-Forwarded-Uri: /reports/1?access_token=in-the-query',
      'X-Forwarded-For: 192.0.2.1',
      'Accept: */*',
    ];
    const answer = await ask(serve.url, '/auth', {
      token: await tokenOf('alice', 'groups'),
      headers: forwarded,
    });
    expect(answer.status).toBe(200);
    expect(identityIn(answer)).toMatchObject({ subject: 'alice', 'user-id': '', email: '' });
    const refused = await ask(serve.url, '/policy/reports', {
      token: await tokenOf('alice', 'groups'),
      headers: forwarded,
    });
    expect(refused.status).toBe(403);
    expect(refused.header('www-authenticate')).toContain('scope="groups reports"');
  });

  it('Envoy ext_authz: the original method, and its path and query behind the prefix', async () => {
    const token = await tokenOf('alice', 'groups');
    for (const method of ['GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS']) {
      const headers = ['X-Forwarded-Proto: https', 'X-Request-Id: 1', 'X-Envoy-Internal: true'];
      if (method === 'POST') headers.push('Content-Length: 0');
      const good = await ask(serve.url, '/auth/policy/front-page?x=%2e%2e', { method, token, headers });
      expect([method, good.status]).toEqual([method, 200]);
      const none = await ask(serve.url, '/auth/policy/front-page', { method, headers });
      expect([method, none.status]).toEqual([method, 401]);
    }
  });
});

describe('the files of the example', () => {
  it('hand on all five headers, and none besides', () => {
    const names = ['X-Auth-Subject', 'X-Auth-User-Id', 'X-Auth-Email', 'X-Auth-Audience', 'X-Auth-Scopes'];
    for (const file of ['nginx.conf', 'Caddyfile', 'traefik.yml']) {
      const text = readFileSync(EXAMPLES + file, 'utf8');
      const found = new Set(text.match(/X-Auth-[A-Z][\w-]+/g));
      expect([file, [...found].sort()]).toEqual([file, [...names].sort()]);
    }
  });
});
