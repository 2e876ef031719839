import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import type { Server, Socket } from 'node:net';
import { inspect } from 'node:util';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { HttpAdapter, HttpRequest, HttpResponse } from '../../src/http/http-adapter.ts';
import { testCertificates } from '../support/certificates.ts';
import { bodyOf, http, https, raw, silent, type TestServer, untilNoneOpen, withServer } from './servers.ts';

/** The two functions that every test runner has. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** Makes the adapter under test. `ca` (PEM) is to be trusted besides the authorities of the system. */
export type HttpAdapterFactory = (options?: { ca?: string }) => HttpAdapter;

const MAX_BYTES = 1000;
const DEADLINE_MS = 150;
const OK = 'HTTP/1.1 200 OK\r\n';

/** A request with a token and a secret in it. */
export function asking(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    url,
    headers: { authorization: 'Basic the-secret', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'token=the-token',
    timeoutMs: 5000,
    maxBytes: MAX_BYTES,
    ...changes,
  };
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { kind?: unknown }> {
  const error: unknown = await promise.then(
    () => assert.fail('There is an answer.'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error;
}

/** Why a promise rejects: the `kind` of its error. */
export const kindOf = async (promise: Promise<unknown>): Promise<unknown> => (await errorOf(promise)).kind;

/** The body of an answer as text. */
export const textOf = (response: HttpResponse): string => new TextDecoder().decode(response.body);

/**
 * What every {@link HttpAdapter} must do, as tests for any runner. It starts servers on 127.0.0.1 and needs `openssl`.
 *
 * Set `trustsCa: false` for an adapter that cannot be told of an authority: what needs one is left out then.
 */
export function httpAdapterContract(
  { describe, it }: TestRunner,
  factory: HttpAdapterFactory,
  { trustsCa = true }: { trustsCa?: boolean } = {},
): void {
  const test = (
    name: string,
    makeServer: () => Server,
    body: (adapter: HttpAdapter, server: TestServer) => Promise<void>,
    options?: { ca: boolean },
  ): void => {
    it(name, () =>
      withServer(makeServer(), async (server) => {
        const adapter = factory(options?.ca === true ? { ca: testCertificates().ca } : undefined);
        try {
          await body(adapter, server);
        } finally {
          await adapter.close?.();
        }
      }),
    );
  };

  describe('an answer', () => {
    const seen: { method?: string; url?: string; headers?: IncomingHttpHeaders; body?: string } = {};
    const echo = (): Server =>
      http((request, response) => {
        void bodyOf(request).then((body) => {
          Object.assign(seen, { method: request.method, url: request.url, headers: request.headers, body });
          response.writeHead(200, { 'X-Mixed-Case': 'Yes', 'x-twice': ['a', 'b'] }).end('{"active":true}');
        });
      });

    test('gets', echo, async (adapter, { host }) => {
      const response = await adapter.request({
        method: 'GET',
        url: `http://${host}/jwks?a=b`,
        headers: { accept: 'application/json' },
        timeoutMs: 5000,
        maxBytes: MAX_BYTES,
      });
      assert.equal(response.status, 200);
      assert.ok(response.body instanceof Uint8Array);
      assert.equal(textOf(response), '{"active":true}');
      assert.equal(seen.method, 'GET');
      assert.equal(seen.url, '/jwks?a=b');
      assert.equal(seen.headers?.accept, 'application/json');
      assert.equal(seen.body, '');
    });

    test('posts a body with headers', echo, async (adapter, { host }) => {
      await adapter.request(asking(`http://${host}/introspect`, { body: 'token=ü' }));
      assert.equal(seen.method, 'POST');
      assert.equal(seen.url, '/introspect');
      assert.equal(seen.body, 'token=ü');
      assert.equal(seen.headers?.authorization, 'Basic the-secret');
      assert.equal(seen.headers['content-type'], 'application/x-www-form-urlencoded');
      assert.equal(seen.headers['content-length'], '8');
    });

    test('asks for no compression (A3)', echo, async (adapter, { host }) => {
      await adapter.request(asking(`http://${host}`));
      assert.equal(seen.headers?.['accept-encoding'], 'identity');
    });

    test('has header names in lower case, and one string for each', echo, async (adapter, { host }) => {
      const { headers } = await adapter.request(asking(`http://${host}`));
      assert.equal(headers['x-mixed-case'], 'Yes');
      assert.equal(headers['x-twice'], 'a, b');
    });

    const byPath = (): Server =>
      http((request, response) => {
        const status = Number(request.url?.slice(1));
        response.writeHead(status).end(status === 204 || status === 304 ? undefined : `it is ${status}`);
      });
    // Not 407: the fetch standard makes an error of it.
    test('has any status (A5)', byPath, async (adapter, { host }) => {
      for (const status of [
        200, 201, 202, 204, 300, 304, 400, 401, 403, 404, 405, 418, 421, 429, 500, 502, 503, 599,
      ]) {
        const response = await adapter.request(asking(`http://${host}/${status}`));
        assert.equal(response.status, status);
        assert.equal(textOf(response), status === 204 || status === 304 ? '' : `it is ${status}`);
      }
    });

    const hinting = (): Server =>
      raw((socket) =>
        socket.end(
          'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nhi',
        ),
      );
    test('is not an early hint', hinting, async (adapter, { host }) => {
      const response = await adapter.request(asking(`http://${host}`));
      assert.equal(response.status, 201);
      assert.equal(response.headers.link, undefined);
      assert.equal(textOf(response), 'hi');
    });

    const inPieces = (): Server =>
      http((_, response) => {
        response.write('one ');
        setTimeout(() => response.write('two '), 10);
        setTimeout(() => response.end('three'), 20);
      });
    test('may come in pieces', inPieces, async (adapter, { host }) => {
      assert.equal(textOf(await adapter.request(asking(`http://${host}`))), 'one two three');
    });
  });

  describe('a redirect', () => {
    for (const status of [301, 302, 303, 307, 308]) {
      it(`${status} is not followed, and the body is not sent again (A1)`, async () => {
        let followed = 0;
        const elsewhere = http((_, response) => {
          followed += 1;
          response.end();
        });
        await withServer(elsewhere, ({ host: target }) =>
          withServer(
            http((_, response) => response.writeHead(status, { location: `http://${target}/` }).end('moved')),
            async ({ host, accepted }) => {
              const adapter = factory();
              const response = await adapter.request(asking(`http://${host}`));
              await adapter.close?.();
              assert.equal(response.status, status);
              assert.equal(followed, 0);
              assert.equal(accepted, 0);
            },
          ),
        );
      });
    }
  });

  describe('the deadline', () => {
    const gone = async (adapter: HttpAdapter, server: TestServer, maxBytes = MAX_BYTES): Promise<void> => {
      const startedAt = performance.now();
      const kind = await kindOf(
        adapter.request(asking(`http://${server.host}`, { timeoutMs: DEADLINE_MS, maxBytes })),
      );
      const ms = performance.now() - startedAt;
      assert.equal(kind, 'timeout');
      assert.ok(ms > DEADLINE_MS - 5 && ms < DEADLINE_MS + 500, `It took ${ms} ms.`);
      await untilNoneOpen(server);
    };
    // Sends text again and again until the connection is closed, at most for two seconds.
    const drip = (socket: Socket, text: string): void => {
      let times = 0;
      const timer = setInterval(() => {
        if (socket.destroyed || ++times > 200) clearInterval(timer);
        else socket.write(text);
      }, 10);
    };

    test('passes when no answer comes (A2)', silent, gone);
    test(
      'passes when headers come slowly (A2)',
      () =>
        raw((socket) => {
          socket.write(OK);
          drip(socket, 'x: y\r\n');
        }),
      gone,
    );
    test(
      'passes when the body comes slowly (A2)',
      () =>
        raw((socket) => {
          socket.write(`${OK}content-length: 900\r\n\r\n`);
          drip(socket, 'x');
        }),
      gone,
    );
    test(
      'passes when the body never ends (A2)',
      () =>
        raw((socket) => {
          socket.write(`${OK}\r\n`);
          drip(socket, 'x'.repeat(1000));
        }),
      (adapter, server) => gone(adapter, server, 1_000_000),
    );
    test(
      'is one for headers and body (A2)',
      () =>
        raw((socket) => {
          setTimeout(() => socket.write(`${OK}content-length: 2\r\n\r\n`), DEADLINE_MS * 0.6);
          setTimeout(() => socket.write('hi'), DEADLINE_MS * 1.6);
        }),
      gone,
    );
  });

  describe('the size', () => {
    const sized = (size: number): Server => http((_, response) => response.end('x'.repeat(size)));
    const chunked = (size: number): Server =>
      http((_, response) => {
        response.write('x'.repeat(size - 1));
        response.end('x');
      });

    test(
      'may be the largest that is read (A3)',
      () => sized(MAX_BYTES),
      async (adapter, { host }) => {
        assert.equal((await adapter.request(asking(`http://${host}`))).body.length, MAX_BYTES);
      },
    );
    test(
      'may not be announced to be larger (A3)',
      () => raw((socket) => socket.write(`${OK}content-length: ${MAX_BYTES + 1}\r\n\r\n`)),
      async (adapter, server) => {
        assert.equal(await kindOf(adapter.request(asking(`http://${server.host}`))), 'too_large');
        await untilNoneOpen(server);
      },
    );
    test(
      'may not turn out to be larger (A3)',
      () => chunked(MAX_BYTES + 1),
      async (adapter, { host }) => {
        assert.equal(await kindOf(adapter.request(asking(`http://${host}`))), 'too_large');
      },
    );
    const flood = (): Server =>
      http((_, response) => {
        const more = (): void => {
          // At most 100 MB, as fast as they are taken.
          for (let times = 0; times < 1600 && !response.destroyed; times++) {
            if (!response.write(Buffer.alloc(65_536))) break;
          }
        };
        response.on('drain', more);
        more();
      });
    test('is counted while a flood comes in (A3)', flood, async (adapter, server) => {
      assert.equal(await kindOf(adapter.request(asking(`http://${server.host}`))), 'too_large');
      await untilNoneOpen(server);
    });
  });

  describe('a compressed answer', () => {
    const compressed = (encoding: string, body: Uint8Array): Server =>
      http((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body));
    const text = '{"active":true}';

    for (const [encoding, body] of [
      ['gzip', gzipSync(text)],
      ['GZip', gzipSync(text)],
      ['deflate', deflateSync(text)],
      ['deflate', deflateRawSync(text)],
      ['br', brotliCompressSync(text)],
      ['identity', Buffer.from(text)],
    ] as const) {
      test(
        `is decompressed: ${encoding}, ${body.length} bytes (A3)`,
        () => compressed(encoding, body),
        async (adapter, { host }) => {
          assert.equal(textOf(await adapter.request(asking(`http://${host}`))), text);
        },
      );
    }
    for (const [encoding, bomb] of [
      ['gzip', gzipSync(Buffer.alloc(20_000_000))],
      ['br', brotliCompressSync(Buffer.alloc(20_000_000))],
      ['deflate', deflateSync(Buffer.alloc(MAX_BYTES + 1))],
    ] as const) {
      test(
        `is not read when it becomes too large: ${encoding} (A3)`,
        () => compressed(encoding, bomb),
        async (adapter, { host }) => {
          const request = asking(`http://${host}`, {
            maxBytes: encoding === 'deflate' ? MAX_BYTES : 64 * 1024,
          });
          assert.ok(bomb.length < request.maxBytes);
          const before = process.memoryUsage().rss;
          assert.equal(await kindOf(adapter.request(request)), 'too_large');
          assert.ok(process.memoryUsage().rss - before < 15_000_000);
        },
      );
    }
    for (const [encoding, body] of [
      ['compress', Buffer.from(text)],
      ['gzip, br', Buffer.from(text)],
      ['constructor', Buffer.from(text)],
      ['gzip', Buffer.from(text)],
    ] as const) {
      test(
        `is refused when it cannot be read: ${encoding} (A3)`,
        () => compressed(encoding, body),
        async (adapter, { host }) => {
          assert.equal(await kindOf(adapter.request(asking(`http://${host}`))), 'encoding');
        },
      );
    }
  });

  describe('a failure', () => {
    const fails = (
      name: string,
      makeServer: () => Server,
      kinds: readonly string[],
      scheme = 'http',
      options?: { ca: boolean },
    ): void => {
      test(
        name,
        makeServer,
        async (adapter, server) => {
          const kind = await kindOf(adapter.request(asking(`${scheme}://${server.host}`)));
          assert.ok(kinds.includes(String(kind)), `It is ${String(kind)}.`);
          assert.equal(server.accepted, 1);
        },
        options,
      );
    };
    const hello = (certificate: { cert: string; key: string }, more: object = {}): Server =>
      https({ ...certificate, ...more }, (_, response) => response.end('hello'));

    it('is a refused connection (A4)', async () => {
      const port = await unusedPort();
      const adapter = factory();
      assert.equal(await kindOf(adapter.request(asking(`http://127.0.0.1:${port}`))), 'refused');
      await adapter.close?.();
    });
    it('is a name that does not resolve (A4)', async () => {
      const adapter = factory();
      assert.equal(await kindOf(adapter.request(asking('http://nobody.invalid/'))), 'dns');
      await adapter.close?.();
    });
    fails('is a reset connection (A4)', () => raw((socket) => socket.resetAndDestroy()), ['reset']);
    fails('is a connection closed without an answer (A4)', () => raw((socket) => socket.end()), ['reset']);
    fails(
      'is half a body (A4)',
      () => raw((socket) => socket.end(`${OK}content-length: 100\r\n\r\n{"active":true}`)),
      ['reset', 'protocol'],
    );
    fails(
      'is half a chunked body (A4)',
      () => raw((socket) => socket.end(`${OK}transfer-encoding: chunked\r\n\r\nf\r\n{"active":true}\r\n`)),
      ['reset', 'protocol'],
    );
    fails('is half a header (A4)', () => raw((socket) => socket.end(`${OK}content-le`)), [
      'reset',
      'protocol',
    ]);
    fails('is not HTTP (A4)', () => raw((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')), ['protocol']);
    fails(
      'is a contradiction of lengths (A4)',
      () =>
        raw((socket) => socket.end(`${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)),
      ['protocol'],
    );

    fails(
      'is a certificate that signed itself (A4)',
      () => hello(testCertificates().selfSigned),
      ['tls'],
      'https',
    );
    fails('is an unknown authority (A4)', () => hello(testCertificates().good), ['tls'], 'https');
    fails(
      'is an HTTP server behind https (A4)',
      () => http((_, response) => response.end()),
      ['tls'],
      'https',
    );
    fails(
      'is TLS 1.1 (A4)',
      () =>
        hello(testCertificates().good, {
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        }),
      ['tls'],
      'https',
    );
    if (trustsCa) {
      const ca = { ca: true };
      fails('is a wrong name (A4)', () => hello(testCertificates().wrongName), ['tls'], 'https', ca);
      fails('is an expired certificate (A4)', () => hello(testCertificates().expired), ['tls'], 'https', ca);
      test(
        'is not a certificate of an authority it was told of (A4)',
        () => hello(testCertificates().good),
        async (adapter, { host }) => {
          assert.equal(textOf(await adapter.request(asking(`https://${host}`))), 'hello');
        },
        ca,
      );
    }

    test(
      'ends alone: the next request is answered (A4)',
      () => {
        let requests = 0;
        return raw((socket) => {
          requests += 1;
          if (requests === 1) socket.end('nonsense\r\n\r\n');
          else socket.end(`${OK}content-length: 2\r\n\r\nhi`);
        });
      },
      async (adapter, { host }) => {
        assert.equal(await kindOf(adapter.request(asking(`http://${host}`))), 'protocol');
        assert.equal(textOf(await adapter.request(asking(`http://${host}`))), 'hi');
      },
    );

    const SECRETS = /the-secret|the-token|secret-path|secret-answer|127\.0\.0\.1/;
    const tells = (name: string, makeServer: () => Server, scheme = 'http'): void => {
      test(
        `tells nothing of the request or the answer: ${name} (A9)`,
        makeServer,
        async (adapter, { host }) => {
          const url = `${scheme}://${host}/secret-path`;
          const error = await errorOf(adapter.request(asking(url, { timeoutMs: 300 })));
          const told = [inspect(error, { depth: 10, showHidden: true }), error.stack, JSON.stringify(error)];
          assert.doesNotMatch(told.join('\n'), SECRETS);
          assert.equal(error.cause, undefined);
        },
      );
    };
    tells('no answer', silent);
    tells('reset', () => raw((socket) => socket.resetAndDestroy()));
    tells('closed', () => raw((socket) => socket.end()));
    tells('not HTTP', () => raw((socket) => socket.end('secret-answer\r\n\r\n')));
    tells('half a body', () => raw((socket) => socket.end(`${OK}content-length: 99\r\n\r\nsecret-answer`)));
    tells('too large', () => raw((socket) => socket.end(`${OK}\r\n${'secret-answer'.repeat(100)}`)));
    tells('encoding', () => raw((socket) => socket.end(`${OK}content-encoding: gzip\r\n\r\nsecret-answer`)));
    tells('TLS', () => hello(testCertificates().selfSigned), 'https');
    for (const url of [
      '/secret-path',
      'ftp://127.0.0.1/secret-path',
      'http://the-secret:x@127.0.0.1/',
      'secret-path',
    ]) {
      it(`tells nothing of the request: ${url} is not a URL for it (A9)`, async () => {
        const adapter = factory();
        const error = await errorOf(adapter.request(asking(url)));
        await adapter.close?.();
        assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), SECRETS);
      });
    }
  });

  describe('what is around it', () => {
    const cookies: (string | undefined)[] = [];
    const baker = (): Server =>
      http((request, response) => {
        cookies.push(request.headers.cookie);
        response.writeHead(200, { 'set-cookie': 'session=1; Path=/' }).end();
      });
    test('keeps no cookies (A12)', baker, async (adapter, { host }) => {
      await adapter.request(asking(`http://${host}`));
      await adapter.request(asking(`http://${host}`));
      assert.deepEqual(cookies, [undefined, undefined]);
    });

    it('takes no proxy from the environment (A12)', async () => {
      const names = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];
      const saved = names.map((name) => [name, process.env[name]] as const);
      await withServer(silent(), (proxy) =>
        withServer(
          http((_, response) => response.end('direct')),
          async ({ host }) => {
            for (const name of names) process.env[name] = `http://${proxy.host}`;
            try {
              const adapter = factory();
              assert.equal(textOf(await adapter.request(asking(`http://${host}`))), 'direct');
              assert.equal(proxy.accepted, 0);
              await adapter.close?.();
            } finally {
              for (const [name, value] of saved) {
                if (value === undefined) Reflect.deleteProperty(process.env, name);
                else process.env[name] = value;
              }
            }
          },
        ),
      );
    });

    const slow = (): Server => http((_, response) => setTimeout(() => response.end('in time'), 100));
    test('closes after the requests under way have ended (X1)', slow, async (adapter, { host }) => {
      const answer = adapter.request(asking(`http://${host}`));
      await Promise.all([adapter.close?.(), answer]);
      assert.equal(textOf(await answer), 'in time');
    });
    test('closes when a request under way gets no answer (X1)', silent, async (adapter, { host }) => {
      const kind = kindOf(adapter.request(asking(`http://${host}`, { timeoutMs: DEADLINE_MS })));
      await adapter.close?.();
      assert.equal(await kind, 'timeout');
    });
  });
}

async function unusedPort(): Promise<string> {
  let port = '';
  await withServer(silent(), ({ host }) => {
    port = host.split(':')[1] ?? '';
    return Promise.resolve();
  });
  return port;
}
