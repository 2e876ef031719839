import assert from 'node:assert/strict';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { formOf, type LogoutFixture, logoutFixture, logoutToken } from '../support/logout-tokens.ts';
import { type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { type tokenTableAtOnce, tokenTableResourceServer } from '../support/token-table.ts';

/** A test runner, or as much of one as the suite needs. */
export interface Runner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
}

/**
 * Starts an application on the framework, on port 0 of 127.0.0.1, with these routes, and resolves with its origin:
 *
 * - `GET /me` asks for the scope `groups` and answers `{"subject": …}`
 * - `GET /optional` takes requests without credentials; it answers `{"subject": …}` or `{"subject": null}`
 * - `GET /client` takes clients; it answers `{"client": …, "subject": …}` with `null` for what is not there
 * - `/all`, whatever the method, is guarded and answers `{"subject": …}`
 * - `GET /cached` is guarded and sets `Cache-Control: max-age=60` itself
 * - `GET /throws` and `GET /rejects` are guarded, and their handlers fail
 * - `GET /api/inside` stands on a router that denies by default, mounted at `/api`, and answers `{"subject": …}`
 * - whatever the resource server publishes, at the root
 */
export type StartApplication = (
  resourceServer: ResourceServer<ClaimsUser>,
) => Promise<{ origin: string; close(): Promise<void> }>;

/** What a framework whose answers have a form of their own (GraphQL, tRPC, a WebSocket handshake) does in its own way. */
export interface OwnWays {
  /** Reads the error code out of the framework's own error body. Default: the body is the problem body, byte for byte. */
  readonly errorCode?: (body: string) => unknown;
  /** Reads what a handler answered out of the framework's own body. Default: the body is that JSON. */
  readonly answer?: (body: string) => unknown;
  /** Makes what is guarded with. Default: one that takes a turn to answer, as one that asks an authorization server. */
  readonly resourceServer?: typeof tokenTableAtOnce;
  /** Groups of tests that cannot be asked of the framework; say why where it is set. */
  readonly without?: readonly Group[];
}

/**
 * `head`: HEAD requests. `methods`: other methods than GET. `caching`: `Cache-Control` of answers that are no refusals.
 * `preflights`: preflights reach the guard. `handler errors`: what a handler throws is answered by 500 without detail.
 * `publishing`: endpoints beside the routes. `nested`: a router below a path. `success`: an answer that is no refusal.
 */
export type Group =
  'head' | 'methods' | 'caching' | 'preflights' | 'handler errors' | 'publishing' | 'nested' | 'success';

const BEARER = 'Bearer realm="api"';
const INVALID_TOKEN = `${BEARER}, error="invalid_token", error_description="The access token is not valid here"`;
const INVALID_REQUEST = `${BEARER}, error="invalid_request", error_description="Send one access token, in one Authorization header"`;
const INSUFFICIENT_SCOPE = `${BEARER}, error="insufficient_scope", error_description="The access token lacks a scope that this resource asks for", scope="groups"`;
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
const PREFLIGHT = ['Origin: https://app.example.com', 'Access-Control-Request-Method: GET'];

const FORM = ['Content-Type: application/x-www-form-urlencoded'];

/** Headers of a form that is sent in these pieces, without its length. `rawRequest` adds what ends it. */
function inPieces(...pieces: string[]): string[] {
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  return [...FORM, 'Transfer-Encoding: chunked', '', `${chunks.join('')}0`];
}

function bearer(token: string): string {
  return `Authorization: Bearer ${token}`;
}

/** The same request gets the same answer in every framework: status, challenge and body. */
export function frameworkContract(
  { describe, it: define }: Runner,
  start: StartApplication,
  {
    errorCode,
    answer: read = JSON.parse,
    without = [],
    resourceServer: create = tokenTableResourceServer,
  }: OwnWays = {},
): void {
  /** Defines a test, unless it belongs to a group that the framework is without. */
  function it(name: string, body: () => Promise<void>, ...groups: Group[]): void {
    if (!groups.some((group) => without.includes(group))) define(name, body);
  }

  async function ask(requestLine: string, headers: string[] = [], body = ''): Promise<RawAnswer> {
    return withApplication((origin) => rawRequest(origin, requestLine, headers, body));
  }

  async function withApplication<T>(use: (origin: string) => Promise<T>, settings = {}): Promise<T> {
    const resourceServer = await create(settings);
    const application = await start(resourceServer);
    try {
      return await use(application.origin);
    } finally {
      await application.close();
      await resourceServer.close();
    }
  }

  /** An application that publishes the endpoint for back-channel logout as well. */
  async function withLogout(use: (origin: string, fixture: LogoutFixture) => Promise<void>): Promise<void> {
    const fixture = await logoutFixture();
    const resourceServer = await create();
    const endpoints = [...resourceServer.endpoints, fixture.endpoint];
    const application = await start({ ...resourceServer, endpoints });
    try {
      await use(application.origin, fixture);
    } finally {
      await application.close();
      await resourceServer.close();
      await fixture.stop();
    }
  }

  function assertRefused(
    answer: RawAnswer,
    status: number,
    error: string,
    challenge: string | undefined,
  ): void {
    assert.equal(answer.status, status);
    assert.deepEqual(
      answer.headers.get('www-authenticate'),
      challenge === undefined ? undefined : [challenge],
    );
    assert.deepEqual(answer.headers.get('cache-control'), ['no-store']);
    if (errorCode !== undefined) {
      assert.equal(errorCode(answer.body), error);
      return;
    }
    assert.match(answer.headers.get('content-type')?.[0] ?? '', /^application\/problem\+json/);
    const title = TITLES[status];
    assert.equal(answer.body, JSON.stringify({ type: 'about:blank', title, status, error }));
  }

  describe('lets in', () => {
    it(
      'a person whose token has the scope',
      async () => {
        const answer = await ask('GET /me', [bearer('alice-token')]);
        assert.equal(answer.status, 200);
        assert.deepEqual(read(answer.body), { subject: 'alice' });
        if (!without.includes('caching')) assert.deepEqual(answer.headers.get('cache-control'), ['private']);
      },
      'success',
    );

    it(
      'any spelling of the scheme (R3)',
      async () => {
        assert.equal((await ask('GET /me', ['authorization: BEARER   alice-token'])).status, 200);
      },
      'success',
    );

    it(
      'a request without credentials where they are optional, as nobody (R10)',
      async () => {
        const answer = await ask('GET /optional');
        assert.equal(answer.status, 200);
        assert.deepEqual(read(answer.body), { subject: null });
      },
      'success',
    );

    it(
      'a client where the route takes clients, with no user (I10)',
      async () => {
        const answer = await ask('GET /client', [bearer('robot-token')]);
        assert.deepEqual(read(answer.body), { client: 'robot', subject: null });
        const person = await ask('GET /client', [bearer('alice-token')]);
        assert.deepEqual(read(person.body), { client: null, subject: 'alice' });
      },
      'success',
    );

    it(
      'a HEAD request, without a body',
      async () => {
        const answer = await ask('HEAD /all', [bearer('alice-token')]);
        assert.equal(answer.status, 200);
        assert.equal(answer.body, '');
      },
      'head',
    );

    it(
      'and leaves a Cache-Control of the handler alone',
      async () => {
        const answer = await ask('GET /cached', [bearer('alice-token')]);
        assert.deepEqual(answer.headers.get('cache-control'), ['max-age=60']);
      },
      'caching',
    );

    it(
      'through a router that denies by default, mounted below a path',
      async () => {
        const answer = await ask('GET /api/inside', [bearer('alice-token')]);
        assert.deepEqual(read(answer.body), { subject: 'alice' });
      },
      'nested',
    );
  });

  describe('refuses', () => {
    const refusals: [
      name: string,
      status: number,
      error: string,
      challenge: string | undefined,
      line: string,
      headers: string[],
      body?: string,
      group?: Group,
    ][] = [
      ['a request without credentials (R1)', 401, 'unauthenticated', BEARER, 'GET /me', []],
      ['another scheme (R1)', 401, 'unauthenticated', BEARER, 'GET /me', ['Authorization: Basic YTpi']],
      [
        'two Authorization headers (R2)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me',
        [bearer('alice-token'), bearer('bob-token')],
      ],
      [
        'two Authorization headers of two schemes (R2)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me',
        ['Authorization: Basic YTpi', bearer('alice-token')],
      ],
      [
        'two tokens in one header (R3)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me',
        ['Authorization: Bearer alice-token, Bearer bob-token'],
      ],
      [
        'a scheme without a token (R3)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me',
        ['Authorization: Bearer'],
      ],
      [
        'a tab as separator (R3)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me',
        ['Authorization: Bearer\talice-token'],
      ],
      [
        'latin1 in the token (R3)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me',
        ['Authorization: Bearer alice-tok\u00e9n'],
      ],
      [
        'a token in the query (R4)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me?access_token=alice-token',
        [],
      ],
      [
        'a token in the query besides one in the header (R4)',
        400,
        'invalid_request',
        INVALID_REQUEST,
        'GET /me?a=b&access%5Ftoken=x',
        [bearer('alice-token')],
      ],
      [
        'a token in a form body (R4)',
        401,
        'unauthenticated',
        BEARER,
        'POST /all',
        ['Content-Type: application/x-www-form-urlencoded'],
        'access_token=alice-token',
        'methods',
      ],
      [
        'a token in a cookie or another header (R4)',
        401,
        'unauthenticated',
        BEARER,
        'GET /me',
        [
          'Cookie: access_token=alice-token',
          'X-Authorization: Bearer alice-token',
          'Proxy-Authorization: Bearer alice-token',
        ],
      ],
      ['an over-long token (R5)', 401, 'invalid_token', INVALID_TOKEN, 'GET /me', [bearer('a'.repeat(9000))]],
      ['a dead token', 401, 'invalid_token', INVALID_TOKEN, 'GET /me', [bearer('dead-token')]],
      [
        'a dead token where credentials are optional (R10)',
        401,
        'invalid_token',
        INVALID_TOKEN,
        'GET /optional',
        [bearer('dead-token')],
      ],
      [
        'a token without the scope',
        403,
        'insufficient_scope',
        INSUFFICIENT_SCOPE,
        'GET /me',
        [bearer('no-scope-token')],
      ],
      [
        "a client's token where the route wants a person (I10)",
        401,
        'invalid_token',
        INVALID_TOKEN,
        'GET /all',
        [bearer('robot-token')],
      ],
      [
        'a key-bound token sent as plain Bearer (I12)',
        401,
        'invalid_token',
        INVALID_TOKEN,
        'GET /me',
        [bearer('bound-token')],
      ],
      [
        'everybody while the authorization server is down',
        503,
        'temporarily_unavailable',
        undefined,
        'GET /me',
        [bearer('down-token')],
      ],
      [
        'a request on which a hook fails, without detail (R9)',
        500,
        'server_error',
        undefined,
        'GET /me',
        [bearer('bug-token')],
      ],
      [
        'an unguarded-looking route on a router that denies by default (R10)',
        401,
        'unauthenticated',
        BEARER,
        'GET /api/inside',
        [],
        '',
        'nested',
      ],
      [
        'OPTIONS that is no preflight (R7)',
        401,
        'unauthenticated',
        BEARER,
        'OPTIONS /all',
        [],
        '',
        'methods',
      ],
      [
        'OPTIONS with an Origin alone (R7)',
        401,
        'unauthenticated',
        BEARER,
        'OPTIONS /all',
        ['Origin: https://app.example.com'],
        '',
        'methods',
      ],
    ];
    for (const [name, status, error, challenge, line, headers, body, ...groups] of refusals) {
      it(
        name,
        async () => {
          const answer = await ask(line, headers, body);
          assertRefused(answer, status, error, challenge);
          assert.ok(!answer.body.includes('s3cr3t'));
        },
        ...(groups as Group[]),
      );
    }

    it('with Retry-After where it is known (A6)', async () => {
      const answer = await ask('GET /me', [bearer('down-token')]);
      assert.deepEqual(answer.headers.get('retry-after'), ['7']);
    });

    it(
      'a HEAD request without a body, with the same challenge',
      async () => {
        const answer = await ask('HEAD /all');
        assert.equal(answer.status, 401);
        assert.deepEqual(answer.headers.get('www-authenticate'), [BEARER]);
        assert.equal(answer.body, '');
      },
      'head',
    );

    it('everybody when switched off, and publishes nothing', async () => {
      await withApplication(
        async (origin) => {
          const inside = without.includes('nested') ? [] : ['/api/inside'];
          for (const path of ['/me', '/optional', '/client', ...inside]) {
            const answer = await rawRequest(origin, `GET ${path}`, [bearer('alice-token')]);
            assertRefused(answer, 503, 'temporarily_unavailable', undefined);
          }
          assertRefused(await rawRequest(origin, 'GET /optional'), 503, 'temporarily_unavailable', undefined);
          if (!without.includes('publishing'))
            assert.equal((await rawRequest(origin, 'GET /jwks')).status, 404);
        },
        { OIDC_RESOURCE_SERVER_ENABLED: false },
      );
    });

    it('everybody once closed, and asks for a new connection (X1)', async () => {
      const resourceServer = await create();
      const application = await start(resourceServer);
      try {
        await resourceServer.close();
        const answer = await rawRequest(application.origin, 'GET /me', [bearer('alice-token')]);
        assertRefused(answer, 503, 'temporarily_unavailable', undefined);
        assert.deepEqual(answer.headers.get('connection'), ['close']);
      } finally {
        await application.close();
      }
    });
  });

  describe('cannot be tricked', () => {
    it(
      'by a preflight: it answers 204 itself and serves no handler (R7)',
      async () => {
        for (const path of ['/all', '/api/inside']) {
          const answer = await ask(`OPTIONS ${path}`, PREFLIGHT);
          assert.equal(answer.status, 204);
          assert.equal(answer.body, '');
        }
        // Express itself answers OPTIONS for a path that has no handler for it, with the list of methods.
        const answer = await ask('OPTIONS /me', PREFLIGHT);
        assert.ok(!answer.body.includes('subject'));
      },
      'preflights',
    );

    it('by another spelling of the path (R8)', async () => {
      const spellings = ['//me', '/me/', '/ME', '/%6De', '/me;x=1', '/./me', '/me?', '/x/../me', '/me%2F'];
      const inside = [
        '//api/inside',
        '/api//inside',
        '/API/inside',
        '/api/%69nside',
        '/api/inside/',
        '/api;x/inside',
        '/api%2Finside',
        '/./api/inside',
        '/x/../api/inside',
      ];
      await withApplication(async (origin) => {
        for (const path of [...spellings, ...inside]) {
          const answer = await rawRequest(origin, `GET ${path}`);
          assert.ok([401, 404, 400].includes(answer.status), `${path} got ${String(answer.status)}`);
          assert.ok(!answer.body.includes('subject'), path);
        }
      });
    });

    it(
      'by another method (R8)',
      async () => {
        await withApplication(async (origin) => {
          for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
            const answer = await rawRequest(origin, `${method} /all`);
            assert.equal(answer.status, 401, method);
          }
        });
      },
      'methods',
    );

    it('by an absolute-form target (R8)', async () => {
      await withApplication(async (origin) => {
        const answer = await rawRequest(origin, `GET ${origin}/me`);
        assert.ok([401, 404].includes(answer.status));
      });
    });
  });

  describe('survives', () => {
    it(
      'a handler that throws or rejects: 500, and the process lives (R9)',
      async () => {
        await withApplication(async (origin) => {
          for (const path of ['/throws', '/rejects']) {
            const answer = await rawRequest(origin, `GET ${path}`, [bearer('alice-token')]);
            assert.equal(answer.status, 500, path);
            assert.ok(!answer.body.includes('s3cr3t'), path);
          }
          assert.equal((await rawRequest(origin, 'GET /me', [bearer('alice-token')])).status, 200);
        });
      },
      'handler errors',
    );

    it(
      'parallel requests of two people without mixing them (R11)',
      async () => {
        await withApplication(async (origin) => {
          const people = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'alice' : 'bob'));
          const answers = await Promise.all(
            people.map((who) => rawRequest(origin, 'GET /me', [bearer(`${who}-token`)])),
          );
          assert.deepEqual(
            answers.map(({ body }) => (read(body) as { subject: string }).subject),
            people,
          );
        });
      },
      'success',
    );
  });

  describe('publishes', () => {
    it(
      'its JWK Set to everybody, cacheable, with an ETag (P3)',
      async () => {
        await withApplication(async (origin) => {
          const answer = await rawRequest(origin, 'GET /jwks');
          assert.equal(answer.status, 200);
          assert.deepEqual(JSON.parse(answer.body), { keys: [] });
          assert.match(answer.headers.get('content-type')?.[0] ?? '', /^application\/jwk-set\+json/);
          assert.match(answer.headers.get('cache-control')?.[0] ?? '', /max-age=/);
          const etag = answer.headers.get('etag')?.[0] ?? '';
          assert.notEqual(etag, '');
          const again = await rawRequest(origin, 'GET /jwks', [`If-None-Match: ${etag}`]);
          assert.equal(again.status, 304);
          assert.equal(again.body, '');
          const head = await rawRequest(origin, 'HEAD /jwks');
          assert.equal(head.status, 200);
          assert.equal(head.body, '');
          assert.equal((await rawRequest(origin, 'POST /jwks')).status, 405);
        });
      },
      'publishing',
    );

    it(
      'an endpoint that takes forms: a logout token is taken once',
      async () => {
        await withLogout(async (origin, { revoked }) => {
          const form = formOf(await logoutToken());
          const answer = await rawRequest(origin, 'POST /backchannel-logout', FORM, form);
          assert.equal(answer.status, 200);
          assert.equal(answer.body, '');
          assert.deepEqual(answer.headers.get('cache-control'), ['no-store']);
          assert.deepEqual(revoked, [{ sid: 'session-1' }, { sub: 'alice' }]);

          const again = await rawRequest(origin, 'POST /backchannel-logout', FORM, form);
          assert.equal(again.status, 400);
          assert.equal(again.body, '{"error":"invalid_request"}');
          assert.match(again.headers.get('content-type')?.[0] ?? '', /^application\/json/);
          assert.deepEqual(again.headers.get('cache-control'), ['no-store']);
          assert.equal(revoked.length, 2);
        });
      },
      'publishing',
    );

    it(
      'it also where the form comes in pieces, or below a query',
      async () => {
        await withLogout(async (origin, { revoked }) => {
          const form = formOf(await logoutToken());
          const pieces = inPieces(form.slice(0, 5), form.slice(5, 100), form.slice(100));
          assert.equal((await rawRequest(origin, 'POST /backchannel-logout', pieces)).status, 200);
          const another = formOf(await logoutToken({ sub: 'bob' }));
          const line = 'POST /backchannel-logout?logout_token=x';
          assert.equal((await rawRequest(origin, line, FORM, another)).status, 200);
          assert.equal(revoked.length, 4);
        });
      },
      'publishing',
    );

    it(
      'it for no other method, content type or size (P3)',
      async () => {
        await withLogout(async (origin, { revoked }) => {
          const form = formOf(await logoutToken());
          const ask = async (method: string, headers: string[], body?: string): Promise<RawAnswer> =>
            rawRequest(origin, `${method} /backchannel-logout`, headers, body);
          for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
            const answer = await ask(method, FORM, method === 'GET' ? '' : form);
            assert.equal(answer.status, 405, method);
            assert.deepEqual(answer.headers.get('allow'), ['POST']);
          }
          assert.equal((await ask('POST', PREFLIGHT)).status, 415);
          const json = JSON.stringify({ logout_token: await logoutToken() });
          assert.equal((await ask('POST', ['Content-Type: application/json'], json)).status, 415);
          assert.equal((await ask('POST', ['Content-Type: text/plain'], form)).status, 415);
          assert.equal((await ask('POST', FORM)).status, 400);
          assert.equal((await ask('POST', FORM, 'other=1')).status, 400);
          const filling = 'x'.repeat(10_000);
          assert.equal((await ask('POST', FORM, `${form}&a=${filling}${filling}`)).status, 413);
          assert.equal((await ask('POST', inPieces(form, '&a=', filling, filling))).status, 413);
          assert.deepEqual(revoked, []);
          assert.equal((await rawRequest(origin, 'GET /jwks')).status, 200);
          assert.equal((await ask('POST', FORM, form)).status, 200);
        });
      },
      'publishing',
    );
  });
}
