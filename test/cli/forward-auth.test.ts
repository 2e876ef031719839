import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw-http.ts';
import {
  type Mirrored,
  missingProgram,
  type RunningProgram,
  startApi,
  startMirror,
  startProxy,
} from '../support/reverse-proxy.ts';
import { serveExample } from '../support/reverse-proxy-serve.ts';

const SPOOFED = ['Subject', 'User-Id', 'Email', 'Audience', 'Scopes'].flatMap((name) => [
  `X-Auth-${name}: forged`,
  `x-auth-${name.toLowerCase()}: forged`,
  // CGI, WSGI and PHP take these for the same.
  `X_Auth_${name.replace('-', '_')}: forged`,
  `X-Auth_${name}: forged`,
  `X.Auth.${name}: forged`,
]);

let example: Awaited<ReturnType<typeof serveExample>>;
beforeAll(async () => {
  example = await serveExample();
});
afterAll(() => example.stop());

/** What the API says that it got. */
interface Received {
  readonly path: string;
  readonly caller: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

const PROXIES = (['nginx', 'caddy'] as const).map((program) => {
  const missing = missingProgram(program, 'python3');
  return { program, missing, title: missing === undefined ? program : `${program} (skipped: ${missing})` };
});

describe.each(PROXIES)('real $title in front of an API', ({ program, missing }) => {
  let api: RunningProgram;
  let proxy: RunningProgram;
  beforeAll(async () => {
    if (missing !== undefined) return;
    api = await startApi();
    proxy = await startProxy(program, { auth: example.serve.url, api: api.url });
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

  const real = missing === undefined ? it : it.skip;

  real('lets a good token through, with who it is and the whole body', async () => {
    const answer = await send('/things?page=2', {
      token: await example.tokenOf('alice', 'openid', 'groups'),
      body: 'x'.repeat(100_000),
    });
    expect(answer.status).toBe(200);
    const { path, caller, body } = answer.received();
    expect(path).toBe('/things?page=2');
    expect(body).toHaveLength(100_000);
    expect(caller).toMatchObject({ Subject: ['alice'], Audience: ['spa'], Scopes: ['openid groups'] });
  });

  real('never hands on an identity that the caller sent, however it spells the names', async () => {
    const mirror = await startMirror();
    const before = await startProxy(program, { auth: example.serve.url, api: mirror.url });
    try {
      const token = await example.tokenOf('alice', 'groups');
      for (const [target, headers] of [
        ['/things', [`Authorization: Bearer ${token}`]],
        ['/reports/1', [`Authorization: Bearer ${await example.tokenOf('alice', 'groups', 'reports')}`]],
        ['/health', []],
      ] as const) {
        const answer = await rawRequest(before.url, `GET ${target}`, [...headers, ...SPOOFED]);
        expect(answer.status).toBe(200);
        const arrived = (JSON.parse(answer.body) as Mirrored).headers;
        expect(arrived.filter(([, value]) => value === 'forged')).toEqual([]);
        const subjects = arrived.filter(([name]) => /^x.auth.subject$/i.test(name));
        expect(subjects.map(([, value]) => value)).toEqual(target === '/health' ? [] : ['alice']);
      }
    } finally {
      await before.stop();
      await mirror.stop();
    }
  });

  real('leaves what the API itself answers as it is', async () => {
    const mirror = await startMirror();
    const before = await startProxy(program, { auth: example.serve.url, api: mirror.url });
    try {
      const credentials = [`Authorization: Bearer ${await example.tokenOf('alice', 'groups')}`];
      for (const status of [201, 400, 401, 403, 418, 500, 503]) {
        const answer = await rawRequest(before.url, `GET /status/${String(status)}`, credentials);
        expect(answer.status).toBe(status);
        expect(JSON.parse(answer.body)).toMatchObject({ path: `/status/${String(status)}` });
      }
    } finally {
      await before.stop();
      await mirror.stop();
    }
  });

  real('hands on the challenge of a refusal: 401 without credentials, 403 without the scope', async () => {
    const none = await send('/things');
    expect(none.status).toBe(401);
    expect(none.header('www-authenticate')).toEqual(['Bearer realm="api"']);
    const dead = await send('/things', { token: 'dead' });
    expect(dead.status).toBe(401);
    expect(dead.header('www-authenticate')?.join()).toContain('error="invalid_token"');
    const weak = await send('/things', { token: await example.tokenOf('alice', 'profile') });
    expect(weak.status).toBe(403);
    expect(weak.header('www-authenticate')).toHaveLength(1);
    expect(weak.header('www-authenticate')?.join()).toContain('error="insufficient_scope"');
    expect(weak.header('www-authenticate')?.join()).toContain('scope="groups"');
    expect(weak.header('content-type')?.join()).toContain('application/problem+json');
    expect(weak.header('cache-control')?.join()).toContain('no-store');
  });

  real('hands on 400, which nginx by itself would make 500 of (R2)', async () => {
    const answer = await send('/things', {
      token: await example.tokenOf('alice', 'groups'),
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
    expect((await send('/reports/1', { token: await example.tokenOf('alice', 'groups') })).status).toBe(403);
    const token = await example.tokenOf('alice', 'groups', 'reports');
    expect((await send('/reports/1', { token })).received().caller.Scopes).toEqual(['groups reports']);
  });

  real('cannot be led around a guard by another spelling of the path (R8)', async () => {
    const token = await example.tokenOf('alice', 'groups');
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
    const token = await example.tokenOf('alice', 'groups');
    await example.authorizationServer.stop();
    try {
      const answer = await send('/things', { token });
      expect(answer.status).toBe(503);
      expect(answer.header('www-authenticate')).toBeUndefined();
      expect(answer.header('content-type')?.join()).toContain('application/problem+json');
    } finally {
      await example.authorizationServer.restart();
    }
    const again = await example.authorizationServer.tokenFor('alice', { scopes: ['groups'] });
    expect((await send('/things', { token: again })).status).toBe(200);
  });

  real('refuses while oidc-rs itself is not there', async () => {
    const gone = await startProxy(program, { auth: 'http://127.0.0.1:9', api: api.url });
    try {
      const { status } = await rawRequest(gone.url, 'GET /things', [
        `Authorization: Bearer ${await example.tokenOf('alice', 'groups')}`,
      ]);
      expect(status).toBe(program === 'nginx' ? 503 : 502);
    } finally {
      await gone.stop();
    }
  });

  real('leaves no token in the log, whichever way it came', async () => {
    const token = await example.tokenOf('alice', 'groups');
    // Caddy hands the query on, and a token in it is refused.
    const [withToken, withoutToken] = program === 'nginx' ? [200, 401] : [400, 400];
    expect((await send('/things?access_token=in-the-query', { token })).status).toBe(withToken);
    expect((await send(`/things?access_token=${token}`)).status).toBe(withoutToken);
    await send('/things', {
      headers: [`Cookie: access_token=${token}`, `X-Original-Authorization: ${token}`],
    });
    expect(example.serve.text()).not.toContain(token);
    expect(example.serve.text()).not.toContain('in-the-query');
  });
});
