import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { asking, type Contract, kindOf, MAX_BYTES, textOf, withAdapter } from './http-adapter-under-test.ts';
import { bodyOf, http, raw, silent, withServer } from './http-servers.ts';

/** Answers of all sorts, redirects, and what must not stand between the request and its answer. */
export function answersContract({ describe, it, test, factory }: Contract): void {
  describe('an answer', () => {
    const seen: { method?: string; url?: string; headers?: IncomingHttpHeaders; body?: string } = {};
    const echo = () =>
      http((request, response) => {
        void bodyOf(request).then((body) => {
          Object.assign(seen, { method: request.method, url: request.url, headers: request.headers, body });
          response.writeHead(200, { 'X-Mixed-Case': 'Yes', 'x-twice': ['a', 'b'] }).end('{"active":true}');
        });
      });

    test('comes to GET', echo, async (adapter, { host }) => {
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

    test('comes to POST with a body and headers', echo, async (adapter, { host }) => {
      await adapter.request(asking(`http://${host}/introspect`, { body: 'token=ü' }));
      assert.equal(seen.method, 'POST');
      assert.equal(seen.url, '/introspect');
      assert.equal(seen.body, 'token=ü');
      assert.equal(seen.headers?.authorization, 'Basic the-secret');
      assert.equal(seen.headers['content-type'], 'application/x-www-form-urlencoded');
      assert.equal(seen.headers['content-length'], '8');
    });

    test('is asked for without compression (A3)', echo, async (adapter, { host }) => {
      await adapter.request(asking(`http://${host}`));
      assert.equal(seen.headers?.['accept-encoding'], 'identity');
    });

    test('has header names in lower case, and one string for each', echo, async (adapter, { host }) => {
      const { headers } = await adapter.request(asking(`http://${host}`));
      assert.equal(headers['x-mixed-case'], 'Yes');
      assert.equal(headers['x-twice'], 'a, b');
    });

    const byPath = () =>
      http((request, response) => {
        const status = Number(request.url?.slice(1));
        response.writeHead(status).end(status === 204 || status === 304 ? undefined : `it is ${status}`);
      });
    // Not 407: the fetch standard makes an error of it.
    const statuses = [
      200, 201, 202, 204, 300, 304, 400, 401, 403, 404, 405, 418, 421, 429, 500, 502, 503, 599,
    ];
    test('has any status (A5)', byPath, async (adapter, { host }) => {
      for (const status of statuses) {
        const response = await adapter.request(asking(`http://${host}/${status}`));
        assert.equal(response.status, status);
        assert.equal(textOf(response), status === 204 || status === 304 ? '' : `it is ${status}`);
      }
    });

    const hinting = () =>
      raw((socket) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
        socket.end('HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nhi');
      });
    test('is not an early hint', hinting, async (adapter, { host }) => {
      const response = await adapter.request(asking(`http://${host}`));
      assert.equal(response.status, 201);
      assert.equal(response.headers.link, undefined);
      assert.equal(textOf(response), 'hi');
    });

    const inPieces = () =>
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
      it(`${status} is not followed, and the body is not sent again (A1)`, () =>
        withServer(silent(), (elsewhere) => {
          const location = `http://${elsewhere.host}/`;
          const moved = http((_, response) => response.writeHead(status, { location }).end('moved'));
          return withServer(moved, ({ host }) =>
            withAdapter(factory(), async (adapter) => {
              const response = await adapter.request(asking(`http://${host}`));
              assert.equal(response.status, status);
              assert.equal(elsewhere.sockets.length, 0);
            }),
          );
        }));
    }
  });

  describe('nothing in between', () => {
    const cookies: (string | undefined)[] = [];
    const baker = () =>
      http((request, response) => {
        cookies.push(request.headers.cookie);
        response.writeHead(200, { 'set-cookie': 'session=1; Path=/' }).end();
      });
    test('keeps cookies (A12)', baker, async (adapter, { host }) => {
      await adapter.request(asking(`http://${host}`));
      await adapter.request(asking(`http://${host}`));
      assert.deepEqual(cookies, [undefined, undefined]);
    });

    const direct = () => http((_, response) => response.end('direct'));
    test('is a proxy from the environment (A12)', direct, (_, { host }) =>
      withServer(silent(), async (proxy) => {
        const names = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [
          name,
          name.toUpperCase(),
        ]);
        const saved = names.map((name) => [name, process.env[name]] as const);
        for (const name of names) process.env[name] = /no_/i.test(name) ? '' : `http://${proxy.host}`;
        try {
          await withAdapter(factory(), async (adapter) => {
            assert.equal(textOf(await adapter.request(asking(`http://${host}`))), 'direct');
          });
          assert.equal(proxy.sockets.length, 0);
        } finally {
          for (const [name, value] of saved) {
            if (value === undefined) Reflect.deleteProperty(process.env, name);
            else process.env[name] = value;
          }
        }
      }),
    );
  });

  describe('close()', () => {
    const slow = () => http((_, response) => setTimeout(() => response.end('in time'), 100));
    test('lets requests under way end (X1)', slow, async (adapter, { host }) => {
      const answer = adapter.request(asking(`http://${host}`));
      await Promise.all([adapter.close?.(), answer]);
      assert.equal(textOf(await answer), 'in time');
    });
    test('waits no longer than their deadline (X1)', silent, async (adapter, { host }) => {
      const kind = kindOf(adapter.request(asking(`http://${host}`, { timeoutMs: 100 })));
      await adapter.close?.();
      assert.equal(await kind, 'timeout');
    });
  });
}
