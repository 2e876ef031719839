import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { rawRequest } from '../support/raw-http.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { ask, identityIn, type ServeHere, serveHere } from '../support/reverse-proxy-serve.ts';
import { oidcRs } from '../support/terminal.ts';

const POLICIES = {
  reports: { scopes: ['reports:read', 'groups'] },
  either: { anyScope: ['reports:read', 'groups'] },
  jobs: { clients: true },
  visitors: { optional: true },
  nothing: {},
};
const NOBODY = { subject: '', 'user-id': '', email: '', audience: '', scopes: '' };

const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-serve-'));
const policies = join(folder, 'policies.json');
writeFileSync(policies, JSON.stringify(POLICIES));

let as: TestAuthorizationServer;
let env: Record<string, string>;
let serve: ServeHere;
let alice: string;
let poor: string;
let robot: string;
let readingRobot: string;

beforeAll(async () => {
  as = await startAuthorizationServer({ scopes: ['reports:read'] });
  env = as.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa,robot', OIDC_RS_REALM: 'files' });
  serve = await serveHere(env, { policies });
  alice = await as.tokenFor('alice', { scopes: ['groups', 'profile'] });
  poor = await as.tokenFor('poor', { scopes: ['profile'] });
  robot = await as.clientToken({ scopes: ['groups'] });
  readingRobot = await as.clientToken({ scopes: ['groups', 'reports:read'] });
});
afterAll(async () => {
  await serve.stop();
  await as.stop();
  rmSync(folder, { recursive: true });
});

/** Starts another one, uses it, and stops it. */
async function withServe<T>(
  started: Promise<ServeHere>,
  use: (another: ServeHere) => Promise<T>,
): Promise<T> {
  const another = await started;
  try {
    return await use(another);
  } finally {
    await another.stop();
  }
}

describe('a good token', () => {
  it('is answered by 200, no body, and who it is', async () => {
    const answer = await ask(serve.url, '/auth', { token: alice });
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('');
    expect(answer.header('cache-control')).toBe('no-store');
    expect(identityIn(answer)).toEqual({
      ...NOBODY,
      subject: 'alice',
      audience: 'spa',
      scopes: 'groups profile',
    });
  });

  it.each([
    '/auth/',
    '/auth/any/path?any=query',
    '/auth/policy/jobs',
    '/policy/nothing',
    '/policy/reports?x=1',
  ])('is asked about at %s', async (target) => {
    const token = await as.tokenFor('bob', { scopes: ['groups', 'reports:read'] });
    expect(identityIn(await ask(serve.url, target, { token })).subject).toBe('bob');
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'is asked about by %s as well',
    async (method) => {
      const answer = await ask(serve.url, '/auth', { token: alice, method });
      expect([answer.status, answer.header('x-auth-subject')]).toEqual([200, 'alice']);
    },
  );

  it('of a client is no subject and no user, even where it is called like a person (I10)', async () => {
    const answer = await ask(serve.url, '/policy/jobs', { token: robot });
    expect(answer.status).toBe(200);
    expect(identityIn(answer)).toEqual({ ...NOBODY, audience: 'robot', scopes: 'groups' });
  });

  it('has its subject percent-encoded where a header could not hold it', async () => {
    const subject = 'Zoë 100% | =?utf-8?q?';
    const token = await as.tokenFor(subject, { scopes: ['groups'] });
    const value = (await ask(serve.url, '/auth', { token })).header('x-auth-subject') ?? '';
    expect(value).toBe('Zo%C3%AB%20100%25%20|%20=?utf-8?q?');
    expect(decodeURIComponent(value)).toBe(subject);
  });

  it.each([
    [{ email: 'a@example.com', email_verified: true }, 'a@example.com'],
    [{ email: 'a@example.com', email_verified: false }, ''],
    [{ email: 'a@example.com', email_verified: 'true' }, ''],
    [{ email: 'a@example.com' }, ''],
    [{ email: ['a@example.com'], email_verified: true }, ''],
    [{ email: 'a@example.com\r\nX-Auth-Subject: admin', email_verified: true }, ''],
  ])('with %j has the e-mail address %j', async (claims, email) => {
    const token = await as.tokenFor('alice', { scopes: ['groups'], claims });
    const answer = await ask(serve.url, '/auth', { token });
    expect(answer.status).toBe(200);
    expect(identityIn(answer)).toMatchObject({ subject: 'alice', email });
  });

  it('has an unverified address with --unverified-email alone', async () => {
    const token = await as.tokenFor('alice', { scopes: ['groups'], claims: { email: 'a@example.com' } });
    await withServe(serveHere(env, { unverifiedEmail: true }), async ({ url }) => {
      expect((await ask(url, '/auth', { token })).header('x-auth-email')).toBe('a@example.com');
    });
  });
});

describe('optional credentials', () => {
  it('are not there: 200 with every header, empty', async () => {
    const answer = await ask(serve.url, '/policy/visitors', {
      headers: ['X-Auth-Subject: admin', 'X-Auth-Email: admin@example.com'],
    });
    expect(answer.status).toBe(200);
    expect(identityIn(answer)).toEqual(NOBODY);
  });

  it('are there: who it is; and bad ones are refused (R10)', async () => {
    expect((await ask(serve.url, '/policy/visitors', { token: alice })).header('x-auth-subject')).toBe(
      'alice',
    );
    expect((await ask(serve.url, '/policy/visitors', { token: 'dead' })).status).toBe(401);
    expect((await ask(serve.url, '/policy/visitors', { token: robot })).status).toBe(401);
  });
});

describe('what a policy asks', () => {
  it.each<[string, () => string, number]>([
    ['/policy/reports', () => alice, 403],
    ['/policy/either', () => alice, 200],
    ['/policy/either', () => poor, 403],
    ['/policy/nothing', () => poor, 200],
    ['/policy/nothing', () => robot, 401],
    ['/policy/jobs', () => robot, 200],
    ['/policy/jobs', () => poor, 200],
    ['/auth', () => robot, 401],
  ])('%s with %s: %i', async (target, token, status) => {
    expect((await ask(serve.url, target, { token: token() })).status).toBe(status);
  });

  it('comes on top of the settings', async () => {
    await withServe(serveHere({ ...env, OIDC_RS_SCOPES: 'groups' }, { policies }), async ({ url }) => {
      expect((await ask(url, '/policy/nothing', { token: poor })).status).toBe(403);
      expect((await ask(url, '/policy/nothing', { token: alice })).status).toBe(200);
    });
  });

  it.each([
    '/policy/unknown',
    '/policy/',
    '/policy',
    '/policy/Visitors',
    '/policy/%76isitors',
    '/policy/visitors;x',
    '/policy/__proto__',
    '/policy/constructor',
    '/policy/toString',
  ])('of nobody who is called that: %s is denied', async (target) => {
    const answer = await ask(serve.url, target, { token: alice });
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.body)).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      error: 'unknown_policy',
    });
    expect(identityIn(answer)).toEqual({
      ...NOBODY,
      subject: undefined,
      'user-id': undefined,
      email: undefined,
      audience: undefined,
      scopes: undefined,
    });
  });

  it.each([
    '/policy/reports/../visitors',
    '/policy/reports/%2e%2e/visitors',
    '/policy/reports/..%2fvisitors',
    '/policy/reports/..;/visitors',
    '/policy/reports%2f..%2fvisitors',
    '/policy//visitors',
    '//policy/visitors',
    '/policy\\visitors',
    '/auth/../policy/visitors',
    '/policy/visitors%00',
    '/policy/visitors#',
    'http://127.0.0.1/policy/visitors',
    'http://127.0.0.1/auth',
  ])('cannot be changed by the path: %s is refused (R8)', async (target) => {
    const answer = await ask(serve.url, target, { token: alice });
    expect(answer.status).toBe(400);
    expect(answer.header('www-authenticate')).toBeUndefined();
    expect(answer.header('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, error: 'bad_path' });
  });

  it('cannot be changed by the asterisk of OPTIONS, nor by CONNECT (R8)', async () => {
    expect((await ask(serve.url, '*', { method: 'OPTIONS', token: alice })).status).toBe(400);
    // Node closes the connection without a word.
    expect((await ask(serve.url, '/auth', { method: 'CONNECT', token: alice })).status).toBeNaN();
  });

  it('cannot be changed by the rest of the path, the query or the headers (R8)', async () => {
    const headers = [
      'X-Original-URI: /policy/visitors',
      'X-Original-URL: /policy/visitors',
      'X-Rewrite-URL: /policy/visitors',
      'X-Forwarded-Uri: /policy/visitors',
      'X-Forwarded-Prefix: /policy/visitors',
      'X-Forwarded-Method: OPTIONS',
      'X-HTTP-Method-Override: OPTIONS',
      'X-Envoy-Original-Path: /policy/visitors',
      'Forwarded: for=127.0.0.1',
    ];
    for (const rest of [
      '',
      '/policy/visitors',
      '//visitors',
      '?policy=visitors&optional=true',
      '/x?/policy/visitors',
    ]) {
      expect((await ask(serve.url, `/auth${rest}`, { headers })).status).toBe(401);
      expect((await ask(serve.url, `/policy/reports${rest}`, { headers, token: alice })).status).toBe(403);
    }
  });
});

describe('a refusal', () => {
  let adapter: { url: string; close: () => Promise<void> };
  beforeAll(async () => {
    const resourceServer = await createResourceServer({ env, logger: new RecordingLogger() });
    const guard = authenticate(resourceServer, { scopes: ['reports:read', 'groups'] });
    const server = createServer((request, response) => {
      guard(request, response, () => response.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    adapter = {
      url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
      close: async () => {
        server.close();
        server.closeAllConnections();
        await resourceServer.close();
      },
    };
  });
  afterAll(() => adapter.close());

  const withoutDate = ({ status, headers, body }: Awaited<ReturnType<typeof rawRequest>>) => ({
    status,
    headers: Object.fromEntries([...headers].filter(([name]) => name !== 'date')),
    body,
  });

  it.each<[string, number, () => readonly string[], string?]>([
    ['no credentials (R1)', 401, () => []],
    ['another scheme (R1)', 401, () => ['Authorization: Basic YTpi']],
    [
      'two Authorization headers (R2)',
      400,
      () => [`Authorization: Bearer ${alice}`, 'Authorization: Bearer x'],
    ],
    ['malformed credentials (R3)', 400, () => ['Authorization: Bearer a b']],
    ['a token in the query (R4)', 400, () => [`Authorization: Bearer ${alice}`], '?access_token=x'],
    ['a token in a cookie (R4)', 401, () => [`Cookie: access_token=${alice}`]],
    ['a token in X-Authorization (R4)', 401, () => [`X-Authorization: Bearer ${alice}`]],
    ['a token that is too long (R5)', 401, () => [`Authorization: Bearer ${'a'.repeat(8193)}`]],
    ['an unknown token', 401, () => ['Authorization: Bearer unknown']],
    ['a token without the scope', 403, () => [`Authorization: Bearer ${poor}`]],
    ["a client's token (I10)", 401, () => [`Authorization: Bearer ${readingRobot}`]],
  ])('for %s is the one of the adapters: %i', async (_, status, headers, query = '') => {
    const expected = withoutDate(await rawRequest(adapter.url, `GET /${query}`, headers()));
    const found = withoutDate(await rawRequest(serve.url, `GET /policy/reports${query}`, headers()));
    expect(found.status).toBe(status);
    expect(found).toEqual(expected);
  });

  it('while the authorization server is down is the one of the adapters: 503', async () => {
    await as.stop();
    try {
      const headers = [`Authorization: Bearer ${alice}`];
      const expected = withoutDate(await rawRequest(adapter.url, 'GET /', headers));
      const found = withoutDate(await rawRequest(serve.url, 'GET /policy/reports', headers));
      expect(found.status).toBe(503);
      expect(found).toEqual(expected);
    } finally {
      await as.restart();
    }
  });

  it('of a CORS preflight: it has no credentials, and 2xx would let any OPTIONS request through (R7)', async () => {
    const headers = ['Origin: https://app.example.com', 'Access-Control-Request-Method: POST'];
    const answer = await ask(serve.url, '/auth', { method: 'OPTIONS', headers });
    expect(answer.status).toBe(401);
    expect(answer.header('x-auth-subject')).toBeUndefined();
  });
});

describe('bodies', () => {
  it('are ignored, also those of a method that has none', async () => {
    for (const method of ['POST', 'GET']) {
      const answer = await rawRequest(
        serve.url,
        `${method} /auth`,
        [`Authorization: Bearer ${alice}`, 'Content-Type: application/x-www-form-urlencoded'],
        `access_token=${poor}`,
      );
      expect([answer.status, answer.headers.get('x-auth-subject')]).toEqual([200, ['alice']]);
    }
  });

  it('that never end do not keep an answer back', async () => {
    const answer = await ask(serve.url, '/auth', {
      token: alice,
      method: 'POST',
      headers: ['Content-Length: 1000'],
    });
    expect(answer.status).toBe(200);
  });
});

describe('names of headers', () => {
  it('can be others; what the API is told is the same', async () => {
    const header = ['subject=X-Remote-User', 'email=Remote-Email'];
    await withServe(serveHere(env, { header }), async ({ url }) => {
      const answer = await ask(url, '/auth', { token: alice });
      expect(answer.header('x-remote-user')).toBe('alice');
      expect(answer.header('remote-email')).toBe('');
      expect(answer.header('x-auth-audience')).toBe('spa');
      expect(answer.header('x-auth-subject')).toBeUndefined();
    });
  });

  it.each([
    [['name=X-Name'], 'where <what> is one of subject, user-id, email, audience, scopes'],
    [['subject'], 'cannot be the name of a header'],
    [['subject='], 'cannot be the name of a header'],
    [['subject=X Remote'], 'cannot be the name of a header'],
    [['subject=X-A\r\nSet-Cookie'], 'cannot be the name of a header'],
    [['__proto__=X-A'], 'where <what> is one of'],
    [['subject=Content-Length'], 'has a meaning of its own'],
    [['subject=transfer-encoding'], 'has a meaning of its own'],
    [['subject=Connection'], 'has a meaning of its own'],
    [['subject=X-Accel-Redirect'], 'has a meaning of its own'],
    [['subject=Set-Cookie'], 'has a meaning of its own'],
    [['subject=X-A', 'email=x-a'], 'two headers are called x-a'],
    [['subject=x-auth-email'], 'two headers are called X-Auth-Email'],
    [['subject=X-A', 'subject=X-B'], 'subject is there twice'],
  ])('%j: the command ends with 2', async (names, message) => {
    const { code, out, err } = await oidcRs(['serve', ...names.flatMap((name) => ['--header', name])], {
      env,
    });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});

describe('what is published', () => {
  it('/jwks is the JWK Set, and /healthz says that the process lives, to GET and HEAD', async () => {
    const jwks = await ask(serve.url, '/jwks?x');
    expect([jwks.status, JSON.parse(jwks.body)]).toEqual([200, { keys: [] }]);
    const health = await ask(serve.url, '/healthz');
    expect([health.status, JSON.parse(health.body)]).toEqual([200, { status: 'alive' }]);
    expect(await ask(serve.url, '/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    const post = await ask(serve.url, '/healthz', { method: 'POST' });
    expect([post.status, post.header('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it.each(['/', '/authx', '/jwks/', '/healthz/x', '/readyz/', '/metrics', '/%61uth', '/index.html'])(
    '%s is not there',
    async (target) => {
      const answer = await ask(serve.url, target, { token: alice });
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        404,
        { type: 'about:blank', title: 'Not Found', status: 404, error: 'not_found' },
      ]);
    },
  );
});

describe('the log', () => {
  it('has one line a request, with the reason of a refusal and never a token', async () => {
    await withServe(serveHere(env, { policies }), async ({ url, requests, text, lines }) => {
      await ask(url, '/auth/some/path?some=query', { token: alice });
      await ask(url, '/policy/reports/secret-path', { token: poor, method: 'POST' });
      await ask(url, '/policy/jobs', { token: robot });
      await ask(url, '/policy/visitors');
      await ask(url, '/auth');
      await ask(url, '/auth', { token: 'unknown' });
      await ask(url, '/auth?access_token=in-the-query');
      await ask(url, '/policy/nobody');
      await ask(url, '/auth/../x');
      await ask(url, '/healthz');
      const token_ref = expect.stringMatching(/^[0-9a-f]{8}$/) as string;
      expect(requests()).toEqual([
        { level: 'info', method: 'GET', route: '/auth', status: 200, token_ref, client_id: 'spa' },
        { level: 'info', method: 'POST', route: '/policy/reports', status: 403, reason: 'scope', token_ref },
        { level: 'info', method: 'GET', route: '/policy/jobs', status: 200, token_ref, client_id: 'robot' },
        { level: 'info', method: 'GET', route: '/policy/visitors', status: 200 },
        { level: 'info', method: 'GET', route: '/auth', status: 401, reason: 'no_credentials' },
        { level: 'info', method: 'GET', route: '/auth', status: 401, reason: 'inactive', token_ref },
        { level: 'info', method: 'GET', route: '/auth', status: 400, reason: 'query' },
        { level: 'info', method: 'GET', status: 404, reason: 'unknown_policy' },
        { level: 'info', method: 'GET', status: 400, reason: 'bad_path' },
        { level: 'info', method: 'GET', route: '/healthz', status: 200 },
      ]);
      for (const secret of [
        alice,
        poor,
        robot,
        'in-the-query',
        'some',
        'secret-path',
        env.OIDC_RS_CLIENT_SECRET,
      ]) {
        expect(text()).not.toContain(secret);
      }
      // The first line says where; no refusal has a line of its own besides.
      expect(lines()[0]).toMatchObject({
        event: 'serve.listening',
        url,
        users: 'none',
        policies: Object.keys(POLICIES),
      });
      const others = lines()
        .map(({ event }) => event)
        .filter((event) => event !== 'request');
      expect(others).toEqual(['serve.listening', 'as.client_authentication']);
      for (const line of lines()) expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    });
  });

  it('joins the line of a request and the warning about a setting by token_ref', async () => {
    await withServe(
      serveHere({ ...env, OIDC_RS_ALLOWED_AUDIENCES: 'other' }),
      async ({ url, lines, requests }) => {
        await ask(url, '/auth', { token: alice });
        const warning = lines().find(({ event }) => event === 'token.rejected');
        expect(warning).toMatchObject({ level: 'warn', reason: 'audience', client_id: 'spa' });
        expect(requests()).toMatchObject([
          { status: 401, reason: 'audience', token_ref: warning?.token_ref },
        ]);
      },
    );
  });

  it('has the warnings about settings', async () => {
    await withServe(serveHere({ ...env, OIDC_RS_ALLOWED_AUDIENCES: undefined }), ({ lines }) => {
      expect(lines()).toMatchObject([
        { level: 'warn', event: 'settings.warning', msg: expect.stringContaining('Any token') as string },
        { event: 'serve.listening' },
      ]);
      return Promise.resolve();
    });
  });

  it('is one line each, whatever somebody calls himself (E2)', async () => {
    const token = await as.tokenFor('eve', {
      scopes: ['groups'],
      claims: { client_name: 'x' },
    });
    await withServe(serveHere(env), async ({ url, text, lines }) => {
      await ask(url, '/auth', {
        token,
        headers: ['User-Agent: "}\u2028{"event":"forged"}'],
      });
      await ask(url, '/auth/%0a{"event":"forged"}', { token });
      // eslint-disable-next-line no-control-regex -- control characters are what this looks for
      expect(text()).not.toMatch(/forged|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
      expect(lines().filter(({ event }) => event === 'request')).toHaveLength(2);
    });
  });
});

describe('while the resource server is switched off', () => {
  it('nobody is let in, not even where credentials are optional, and no other setting is needed', async () => {
    const started = serveHere({ OIDC_RESOURCE_SERVER_ENABLED: 'false' }, { policies });
    await withServe(started, async ({ url }) => {
      expect((await ask(url, '/auth', { token: alice })).status).toBe(503);
      expect((await ask(url, '/policy/visitors')).status).toBe(503);
      const ready = await ask(url, '/readyz');
      expect(ready.status).toBe(503);
      expect(ready.body).toContain('OIDC_RESOURCE_SERVER_ENABLED is false');
    });
  });
});

describe('a start that cannot be', () => {
  it('with wrong settings lists every problem and ends with 2', async () => {
    const { code, out, err } = await oidcRs(['serve'], {
      env: { ...env, OIDC_TIMEOUT: '5s', OIDC_OP_URL: undefined },
    });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/OIDC_OP_URL is missing/);
    expect(err).toMatch(/OIDC_TIMEOUT must be/);
  });

  it.each([
    [['--host', '192.0.2.1'], /--host 192\.0\.2\.1 --port 0: this machine has no such address/],
    [['--host', 'no-such-host.invalid'], /no such address/],
    [['--users', 'some'], /Allowed choices are none, lookup, create/],
    [['--drain-seconds', 'x'], /A whole number from 0 to 3600 is wanted/],
  ])('with %j says so and ends with 2', async (args, message) => {
    const { code, out, err } = await oidcRs(['serve', '--port', '0', ...args], { env });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  it('with a port that is taken says so and ends with 2', async () => {
    const { code, out, err } = await oidcRs(['serve', '--port', new URL(serve.url).port], { env });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/another program listens there; choose another --port/);
  });
});
