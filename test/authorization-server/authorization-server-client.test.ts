import { freePort } from '../../examples/cluster/servers.ts';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { AuthorizationServerClient } from '../../src/authorization-server/authorization-server-client.ts';
import type { Claims } from '../../src/claims.ts';
import type { AuthorizationServerErrorCode } from '../../src/errors.ts';
import type { HttpAdapter } from '../../src/http/http-adapter.ts';
import { FetchHttpAdapter } from '../../src/http/fetch-adapter.ts';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { realDependencies } from '../support/real-dependencies.ts';
import { faultOf, MARKER, REJECTED, UNAVAILABLE, UNTRUSTED } from '../support/faults.ts';
import {
  credentialsOf,
  live,
  startIntrospectionServer,
  type ServerAnswer,
} from '../support/introspection-server.ts';

const TOKEN = 'token-of-alice/+~';
const SECRETS = [TOKEN, 'the-secret-of-the-api'];

const server = await startIntrospectionServer();
const undici = new UndiciHttpAdapter();
beforeEach(() => {
  server.reset();
});
afterAll(async () => {
  await server.close();
  await undici.close();
});

function createClient(overrides: Record<string, string> = {}, http: HttpAdapter = undici) {
  const settings = { OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic', ...overrides };
  const dependencies = realDependencies(server.settings(settings), http);
  return { client: new AuthorizationServerClient(dependencies), log: dependencies.logger };
}

function ask(token = TOKEN): Promise<Claims> {
  return createClient().client.introspect(token);
}

/** Answers so, and returns the failure and the fields of its log line. */
async function faultAt(
  answer: ServerAnswer,
  code: AuthorizationServerErrorCode,
  overrides?: Record<string, string>,
) {
  server.answerWith(answer);
  const { client, log } = createClient(overrides);
  const error = await faultOf(client.introspect(TOKEN), log, code, SECRETS);
  return { error, fields: log.records[0]?.fields };
}

describe('the request', () => {
  it('is a form post with the token and its hint, and asks for one media type (A11)', async () => {
    await ask();
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', url: '/introspect' });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    });
    expect(request?.rawHeaders.filter((name) => name.toLowerCase() === 'accept')).toHaveLength(1);
    expect([...(request?.form ?? [])]).toEqual([
      ['token', TOKEN],
      ['token_type_hint', 'access_token'],
    ]);
  });

  it('has the token and the secret in no URL and no header but Authorization (A9)', async () => {
    for (const method of ['client_secret_basic', 'client_secret_post']) {
      await createClient({ OIDC_RS_CLIENT_AUTH_METHOD: method }).client.introspect(TOKEN);
      const { url, headers, ...request } = server.requests.at(-1) ?? {};
      expect(credentialsOf({ headers, ...request } as never)).toMatchObject({ method });
      const elsewhere = JSON.stringify({ url, ...headers, authorization: '' });
      expect(elsewhere).not.toContain('token-of-alice');
      expect(elsewhere).not.toContain('the-secret-of-the-api');
    }
  });

  it('keeps a token together that looks like more of the form (A10)', async () => {
    await ask('a&token=b&token_type_hint=refresh_token%26=+');
    expect(server.requests[0]?.form.getAll('token')).toEqual([
      'a&token=b&token_type_hint=refresh_token%26=+',
    ]);
    expect(server.requests[0]?.form.getAll('token_type_hint')).toEqual(['access_token']);
  });

  it('sends no cookie that the server has set (A12)', async () => {
    server.answerWith({ body: live(), headers: { 'set-cookie': 'session=1' } });
    const { client } = createClient();
    await client.introspect(TOKEN);
    await client.introspect(TOKEN);
    expect(server.requests[1]?.headers).not.toHaveProperty('cookie');
  });

  it('carries the credentials that have worked before, where that had to be found out', async () => {
    server.answerWith((request) =>
      credentialsOf(request).method === 'client_secret_post' ? { body: live() } : { status: 401 },
    );
    const { client } = createClient({ OIDC_RS_CLIENT_AUTH_METHOD: 'auto' });
    for (let i = 0; i < 3; i++) expect(await client.introspect(TOKEN)).toMatchObject({ active: true });
    expect(server.requests.map((request) => credentialsOf(request).method)).toEqual([
      'client_secret_basic',
      ...Array<string>(3).fill('client_secret_post'),
    ]);
  });

  it('goes wherever a subclass says, without any other change', async () => {
    class Elsewhere extends AuthorizationServerClient {
      protected override async introspectionEndpoint() {
        return Promise.resolve(`${server.url}/elsewhere`);
      }
    }
    await new Elsewhere(realDependencies(server.settings(), undici)).introspect(TOKEN);
    expect(server.requests[0]?.url).toBe('/elsewhere');
  });
});

describe('a good answer', () => {
  it('is handed on whole, deeply frozen and without prototypes (I15, C10)', async () => {
    const answer = live({ groups: ['a', { name: 'b' }], extra: { deep: { deeper: [1, null] } } });
    server.answerWith({ body: answer });
    const claims = await ask();
    expect(JSON.parse(JSON.stringify(claims))).toEqual(answer);
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      if (!Array.isArray(value)) expect(Object.getPrototypeOf(value)).toBeNull();
      Object.values(value).forEach(visit);
    };
    visit(claims);
  });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'APPLICATION/JSON ; Charset="utf-8"',
  ])('is taken as %s (A8)', async (type) => {
    server.answerWith({ type, body: live() });
    expect(await ask()).toMatchObject({ active: true, sub: 'alice' });
  });

  it('is read as UTF-8', async () => {
    server.answerWith({ body: live({ sub: 'jürgen 😀' }) });
    expect(await ask()).toMatchObject({ sub: 'jürgen 😀' });
  });

  it('comes over the other adapter just so', async () => {
    expect(await createClient({}, new FetchHttpAdapter()).client.introspect(TOKEN)).toMatchObject({
      active: true,
    });
  });
});

describe('a dead token', () => {
  const inactive = { active: false };

  it.each([
    ['200 active:false', { body: { active: false } }],
    ['400 unsupported_token_type', { status: 400, body: { error: 'unsupported_token_type' } }],
  ])('is what %s says: no error, no event (R6)', async (_, answer) => {
    server.answerWith(answer);
    const { client, log } = createClient();
    expect({ ...(await client.introspect(TOKEN)) }).toEqual(inactive);
    expect(log.records).toEqual([]);
  });

  it.each([
    ['members that are good', live({ active: false })],
    ['members that are malformed', { active: false, exp: 'never', nbf: null, iat: [] }],
    ['a member __proto__', '{"active":false,"__proto__":{"active":true,"sub":"admin"}}'],
  ])('says nothing else: %s are discarded (I14)', async (_, body) => {
    server.answerWith({ body });
    const claims = await ask();
    expect({ ...claims }).toEqual(inactive);
    expect(claims.sub).toBeUndefined();
  });
});

describe('what cannot be believed', () => {
  it.each([301, 302, 303, 307, 308])(
    'is a redirect, which is not followed since it would carry the token away: %i (A1)',
    async (status) => {
      const headers = { location: `${server.url}/${MARKER}` };
      const { fields } = await faultAt({ status, headers, body: live() }, UNTRUSTED);
      expect(fields).toEqual({ event: 'as.untrusted', check: 'status' });
      expect(server.requests).toHaveLength(1);
    },
  );

  it.each([201, 202, 203, 206])('is %i: only 200 counts (A5)', async (status) => {
    await faultAt({ status, body: live({ sub: MARKER }) }, UNTRUSTED);
  });

  it('is 204 (A5)', async () => {
    await faultAt({ status: 204, type: undefined }, UNTRUSTED);
  });

  const json = JSON.stringify(live({ sub: MARKER }));
  it.each<[string, ServerAnswer, string]>([
    ['HTML of a login page', { type: 'text/html', body: `<p>${MARKER}` }, 'content_type'],
    ['HTML called JSON', { body: `<p>${MARKER}` }, 'json'],
    ['JSON called HTML', { type: 'text/html', body: json }, 'content_type'],
    ['JSON called nothing', { type: undefined, body: json }, 'content_type'],
    ['JSON called a JWT', { type: 'application/token-introspection+jwt', body: json }, 'content_type'],
    ['JSON called problem+json', { type: 'application/problem+json', body: json }, 'content_type'],
    ['JSON called jsonp', { type: 'application/jsonp', body: json }, 'content_type'],
    ['JSON called two things', { type: 'application/json, text/html', body: json }, 'content_type'],
    ['a BOM in front', { body: `\uFEFF${json}` }, 'json'],
    ['truncated JSON', { body: json.slice(0, -1) }, 'json'],
    ['trailing text', { body: `${json}${MARKER}` }, 'json'],
    ['two values', { body: json + json }, 'json'],
    ['nothing', { body: '' }, 'json'],
    ['a list', { body: `[${json}]` }, 'json'],
    ['null', { body: 'null' }, 'json'],
    ['true', { body: 'true' }, 'json'],
    ['a string', { body: JSON.stringify(json) }, 'json'],
    ['bad UTF-8', { body: Buffer.from(`{"active":true,"sub":"${MARKER}\xff"}`, 'latin1') }, 'json'],
    ['UTF-16', { body: Buffer.from(json, 'utf16le') }, 'json'],
    ['compressed JSON that does not say so', { body: gzipSync(json) }, 'json'],
  ])('is %s (A8)', async (_, answer, check) => {
    const { fields } = await faultAt(answer, UNTRUSTED);
    expect(fields).toEqual({ event: 'as.untrusted', check });
  });

  it('is an answer without a believable "active" (I1)', async () => {
    const bodies = [
      {},
      { sub: 'admin' },
      ...['true', 'false', 'True', 1, 0, null, [true], [], {}, { valueOf: true }, ''].map((active) => ({
        active,
      })),
      { Active: true },
      { ACTIVE: true },
      { 'active ': true },
      '{"__proto__":{"active":true}}',
      '{"constructor":{"prototype":{"active":true}}}',
      { token_introspection: { active: true } },
    ];
    for (const body of bodies) {
      const { fields } = await faultAt({ body }, UNTRUSTED);
      expect(fields).toEqual({ event: 'as.untrusted', check: 'active' });
    }
  });

  it.each(['exp', 'iat', 'nbf'])('is an answer whose "%s" is no finite number (I3)', async (name) => {
    const values = [
      '"2000000000"',
      '""',
      '"NaN"',
      'null',
      '[]',
      '[2000000000]',
      '{}',
      'true',
      '1e999',
      '-1e999',
    ];
    for (const value of values) {
      const { fields } = await faultAt({ body: `{"active":true,"${name}":${value}}` }, UNTRUSTED);
      expect(fields).toEqual({ event: 'as.untrusted', check: name });
    }
  });

  it('is depth: a bomb within the size that is read (A3)', async () => {
    const list = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const object = `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`;
    for (const bomb of [list, object]) {
      const { fields } = await faultAt({ body: `{"active":true,"x":${bomb}}` }, UNTRUSTED);
      expect(fields).toEqual({ event: 'as.untrusted', check: 'depth' });
    }
  });

  it.each<[string, ServerAnswer]>([
    ['said', { body: `{"active":true,"x":"${'a'.repeat(70_000)}"}` }],
    [
      'not said',
      {
        misbehave: (response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write(`{"active":true,"x":"${'a'.repeat(40_000)}`);
          response.end('a'.repeat(40_000));
        },
      },
    ],
    [
      'compressed',
      {
        headers: { 'content-encoding': 'gzip' },
        body: gzipSync(`{"active":true,"x":"${MARKER.repeat(10_000)}"}`),
      },
    ],
  ])('is more than 64 KB, %s (A3)', async (_, answer) => {
    const { fields } = await faultAt(answer, UNTRUSTED);
    expect(fields).toEqual({ event: 'as.untrusted', check: 'too_large' });
  });

  it('is an encoding that nobody knows (A3)', async () => {
    const { fields } = await faultAt({ headers: { 'content-encoding': MARKER }, body: live() }, UNTRUSTED);
    expect(fields).toEqual({ event: 'as.untrusted', check: 'encoding' });
  });
});

it('takes "active" from no prototype, not even where something has put it there (I1)', async () => {
  Object.defineProperty(Object.prototype, 'active', { value: true, configurable: true });
  try {
    await faultAt({ body: { sub: 'alice' } }, UNTRUSTED);
  } finally {
    Reflect.deleteProperty(Object.prototype, 'active');
  }
});

it('decides by the last of two members "active", as JSON does (I1)', async () => {
  server.answerWith({ body: '{"active":true,"active":false}' });
  expect(await ask()).toMatchObject({ active: false });
  await faultAt({ body: '{"active":true,"active":"true"}' }, UNTRUSTED);
});

it('lets a member __proto__ be data: it pollutes nothing (I2)', async () => {
  server.answerWith({
    body: '{"active":true,"exp":2e9,"__proto__":{"admin":true,"scope":"all"},"x":{"__proto__":{"admin":true}}}',
  });
  const claims = await ask();
  expect(Object.getPrototypeOf(claims)).toBeNull();
  expect(claims['admin']).toBeUndefined();
  expect(claims.scope).toBeUndefined();
  expect((claims['x'] as Claims)['admin']).toBeUndefined();
  expect(({} as Claims)['admin']).toBeUndefined();
  expect(Object.keys(claims)).toEqual(['active', 'exp', '__proto__', 'x']);
});

describe('a server that cannot be asked', () => {
  const drip: ServerAnswer = {
    misbehave: (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    },
  };
  it.each<[string, ServerAnswer]>([
    ['says nothing', { misbehave: () => undefined }],
    [
      'begins and does not end',
      {
        misbehave: (response) => {
          response.writeHead(200).flushHeaders();
        },
      },
    ],
    ['drips', drip],
  ])('is one that %s until the deadline (A2)', async (_, answer) => {
    const startedAt = performance.now();
    const { error, fields } = await faultAt(answer, UNAVAILABLE, { OIDC_TIMEOUT: '0.2' });
    expect(error.message).toContain('OIDC_TIMEOUT');
    expect(fields).toEqual({
      event: 'as.unavailable',
      kind: 'timeout',
      ms: expect.any(Number) as number,
    });
    expect(fields?.['ms']).toBeGreaterThan(150);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  const raw = (text: string): ServerAnswer => ({ misbehave: ({ socket }) => socket?.end(text) });
  it.each<[string, ServerAnswer, RegExp]>([
    ['hangs up', { misbehave: ({ socket }) => socket?.destroy() }, /^reset$/],
    [
      'sends half a body',
      raw('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"active":true}'),
      /^(reset|protocol)$/,
    ],
    ['speaks something else', raw(`220 ${MARKER} ESMTP\r\n`), /^protocol$/],
  ])('is one that %s (A4)', async (_, answer, kind) => {
    const { fields } = await faultAt(answer, UNAVAILABLE);
    expect(fields).toMatchObject({ event: 'as.unavailable', kind: expect.stringMatching(kind) as string });
  });

  it('is one that refuses the connection (A4)', async () => {
    const { client, log } = createClient({
      OIDC_OP_INTROSPECTION_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
    });
    await faultOf(client.introspect(TOKEN), log, UNAVAILABLE, SECRETS);
    expect(log.records[0]?.fields).toMatchObject({ kind: 'refused' });
  });

  it.each([
    ['an error with words in it', new Error(MARKER, { cause: new Error(MARKER) })],
    ['an error with a kind of its own', Object.assign(new Error(MARKER), { kind: MARKER })],
    ['no error at all', MARKER],
    ['nothing', undefined],
  ])('shows nothing of what a foreign adapter throws: %s (A9)', async (_, thrown) => {
    const { client, log } = createClient({}, { request: () => Promise.reject(thrown) });
    const error = await faultOf(client.introspect(TOKEN), log, UNAVAILABLE, SECRETS);
    expect(error.message).toBe('The authorization server is unavailable. It cannot be reached.');
    expect(log.records[0]?.fields).toMatchObject({ kind: 'network' });
  });

  it.each([500, 502, 503, 504, 599, 400, 404, 405, 406, 410, 415, 429, 451])(
    'is one that answers %i, whatever else it says (A5)',
    async (status) => {
      const { error, fields } = await faultAt({ status, body: live({ note: MARKER }) }, UNAVAILABLE);
      expect(fields).toEqual({ event: 'as.unavailable', kind: 'status', status });
      expect(error.retryAfter).toBeUndefined();
    },
  );

  it('is one that answers 502 in HTML (A5)', async () => {
    await faultAt({ status: 502, type: 'text/html', body: `<h1>${MARKER}` }, UNAVAILABLE);
  });

  it('is one that answers 400 without a body: that is a dead token only where a JWT was asked for (R6)', async () => {
    await faultAt({ status: 400, type: undefined }, UNAVAILABLE);
  });

  it.each([404, 405])('names the setting to check on %i', async (status) => {
    const { error } = await faultAt({ status }, UNAVAILABLE);
    expect(error.message).toContain('Check OIDC_OP_INTROSPECTION_ENDPOINT');
  });

  it('names the setting to check where the server wants the other kind of request (A11)', async () => {
    const { error } = await faultAt({ status: 400, body: { error: 'invalid_request' } }, UNAVAILABLE);
    expect(error.message).toContain('OIDC_RS_BACKEND_CLASS');
  });

  it.each([
    ['0', 0],
    ['7', 7],
    ['3600', 3600],
    ['86400', 3600],
    ['99999999999999999999', 3600],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['Wed, 21 Oct 2099 07:28:00 GMT', undefined],
    ['', undefined],
    [MARKER, undefined],
  ])('says when to try again: Retry-After %j is %s (A6)', async (value, retryAfter) => {
    for (const status of [429, 503]) {
      const { error } = await faultAt({ status, headers: { 'retry-after': value } }, UNAVAILABLE);
      expect(error.retryAfter).toBe(retryAfter);
    }
  });
});

describe('a server that refuses our own credentials', () => {
  const words = { error: 'invalid_client', error_description: MARKER };
  it.each<[string, ServerAnswer]>([
    ['401', { status: 401, body: words, headers: { 'www-authenticate': `Basic realm="${MARKER}"` } }],
    ['401 without a body', { status: 401, type: undefined }],
    ['403', { status: 403, body: words }],
    ['403 in HTML', { status: 403, type: 'text/html', body: MARKER }],
    ['400 invalid_client', { status: 400, body: words }],
    ['400 unauthorized_client', { status: 400, body: { ...words, error: 'unauthorized_client' } }],
  ])('is an alarm and never the fault of the token: %s (A7)', async (_, answer) => {
    const { fields } = await faultAt(answer, REJECTED);
    expect(fields).toEqual({ event: 'as.client_rejected', status: answer.status });
    await faultAt(answer, REJECTED, { OIDC_RS_CLIENT_AUTH_METHOD: 'auto' });
  });
});

describe('an answer about another token (I13)', () => {
  const jwt = (payload: unknown) =>
    ['{"alg":"ES256","typ":"at+jwt"}', JSON.stringify(payload), 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
  const cases: [string, string, unknown, 'believed' | 'refused'][] = [
    ['the same jti', jwt({ jti: 'a' }), 'a', 'believed'],
    ['another jti', jwt({ jti: 'a' }), 'b', 'refused'],
    ['a jti in other letters', jwt({ jti: 'a' }), 'A', 'refused'],
    ['a jti that is no string', jwt({ jti: 'a' }), ['a'], 'refused'],
    ['a jti of null', jwt({ jti: 'a' }), null, 'refused'],
    ['no jti', jwt({ jti: 'a' }), undefined, 'believed'],
    ['a jti that the token lacks', jwt({}), 'b', 'believed'],
    ['a jti where that of the token is no string', jwt({ jti: 1 }), 'b', 'believed'],
    ['a jti where the token is no JWT', 'a.b.c', 'b', 'believed'],
    ['a jti where the token is opaque', 'opaque', 'b', 'believed'],
    ['a jti where the token is encrypted', `${jwt({}).replace('.', '..')}.a.b`, 'b', 'believed'],
  ];
  it.each(cases)('with %s', async (_, token, jti, outcome) => {
    server.answerWith({ body: live({ jti }) });
    const { client, log } = createClient();
    if (outcome === 'believed') {
      expect(await client.introspect(token)).toMatchObject({ active: true });
      return;
    }
    await faultOf(client.introspect(token), log, UNTRUSTED, SECRETS);
    expect(log.records[0]?.fields).toEqual({ event: 'as.untrusted', check: 'jti' });
  });
});

it('asks every time, and serves many at a time each its own answer (I13)', async () => {
  server.answerWith((request) => ({ body: live({ sub: request.form.get('token') }) }));
  const { client } = createClient();
  const tokens = Array.from({ length: 50 }, (_, index) => `token-${index % 25}`);
  const answers = await Promise.all(tokens.map((token) => client.introspect(token)));
  expect(answers.map(({ sub }) => sub)).toEqual(tokens);
  expect(server.requests).toHaveLength(50);
});
