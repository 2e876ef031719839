import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { HttpAdapter } from '../http/http-adapter.ts';
import { asking, type Contract, kindOf, MAX_BYTES, textOf } from './http-adapter-under-test.ts';
import { http, OK, raw, silent, type TestServer, untilFirstClosed } from './http-servers.ts';

const DEADLINE_MS = 150;

/** The deadline, the size, and compression, which goes around the size. */
export function limitsContract({ describe, test }: Contract): void {
  describe('the deadline', () => {
    const passes = async (adapter: HttpAdapter, server: TestServer): Promise<void> => {
      const startedAt = performance.now();
      const request = asking(`http://${server.host}`, { timeoutMs: DEADLINE_MS, maxBytes: 1_000_000 });
      assert.equal(await kindOf(adapter.request(request)), 'timeout');
      const ms = performance.now() - startedAt;
      assert.ok(ms > DEADLINE_MS - 5 && ms < DEADLINE_MS + 1500, `It took ${ms} ms.`);
      await untilFirstClosed(server);
    };
    // Sends text again and again until the connection is closed, at most for two seconds.
    const drip = (socket: Socket, text: string): void => {
      let times = 0;
      const timer = setInterval(() => {
        if (socket.destroyed || ++times > 200) clearInterval(timer);
        else socket.write(text);
      }, 10);
    };
    const slowHeaders = () =>
      raw((socket) => {
        socket.write(OK);
        drip(socket, 'x: y\r\n');
      });
    const slowBody = () =>
      raw((socket) => {
        socket.write(`${OK}content-length: 900\r\n\r\n`);
        drip(socket, 'x');
      });
    const endlessBody = () =>
      raw((socket) => {
        socket.write(`${OK}\r\n`);
        drip(socket, 'x'.repeat(1000));
      });
    const slowTwice = () =>
      raw((socket) => {
        setTimeout(() => socket.write(`${OK}content-length: 2\r\n\r\n`), DEADLINE_MS * 0.6);
        setTimeout(() => socket.write('hi'), DEADLINE_MS * 1.6);
      });

    test('passes when no answer comes (A2)', silent, passes);
    test('passes when headers come slowly (A2)', slowHeaders, passes);
    test('passes when the body comes slowly (A2)', slowBody, passes);
    test('passes when the body never ends (A2)', endlessBody, passes);
    test('is one for headers and body (A2)', slowTwice, passes);
  });

  describe('the size', () => {
    const largest = () => http((_, response) => response.end('x'.repeat(MAX_BYTES)));
    const announced = () => raw((socket) => socket.write(`${OK}content-length: ${MAX_BYTES + 1}\r\n\r\n`));
    const chunked = () =>
      http((_, response) => {
        response.write('x'.repeat(MAX_BYTES));
        response.end('x');
      });
    // At most 100 MB, as fast as they are taken.
    const flood = () =>
      http((_, response) => {
        let left = 1600;
        const more = (): void => {
          while (left-- > 0 && !response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', more);
        more();
      });

    test('may be the largest that is read (A3)', largest, async (adapter, { host }) => {
      assert.equal((await adapter.request(asking(`http://${host}`))).body.length, MAX_BYTES);
    });
    test('may not be announced to be larger (A3)', announced, async (adapter, server) => {
      assert.equal(await kindOf(adapter.request(asking(`http://${server.host}`))), 'too_large');
      await untilFirstClosed(server);
    });
    test('may not turn out to be larger (A3)', chunked, async (adapter, { host }) => {
      assert.equal(await kindOf(adapter.request(asking(`http://${host}`))), 'too_large');
    });
    test('is counted while a flood comes in (A3)', flood, async (adapter, server) => {
      assert.equal(await kindOf(adapter.request(asking(`http://${server.host}`))), 'too_large');
      await untilFirstClosed(server);
      assert.ok((server.sockets[0]?.bytesWritten ?? 0) < 20_000_000);
    });
  });

  describe('compression', () => {
    const sending = (encoding: string, body: Uint8Array) => () =>
      http((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body));
    const text = '{"active":true}';
    const plain = Buffer.from(text);

    for (const [name, encoding, body] of [
      ['gzip', 'gzip', gzipSync(text)],
      ['gzip in capitals', 'GZIP', gzipSync(text)],
      ['deflate', 'deflate', deflateSync(text)],
      ['deflate without its header', 'deflate', deflateRawSync(text)],
      ['br', 'br', brotliCompressSync(text)],
      ['identity', 'identity', plain],
    ] as const) {
      test(`is undone: ${name}`, sending(encoding, body), async (adapter, { host }) => {
        assert.equal(textOf(await adapter.request(asking(`http://${host}`))), text);
      });
    }

    // Compressed when a test asks for it: to describe the suite must cost nothing.
    for (const [encoding, compress, size, maxBytes] of [
      ['gzip', gzipSync, 50_000_000, 65_536],
      ['br', brotliCompressSync, 50_000_000, 65_536],
      ['deflate', deflateSync, MAX_BYTES + 1, MAX_BYTES],
    ] as const) {
      let body = Buffer.alloc(0);
      const server = () => {
        body = compress(Buffer.alloc(size));
        return sending(encoding, body)();
      };
      test(`does not hide the size: ${encoding} (A3)`, server, async (adapter, { host }) => {
        assert.ok(body.length < maxBytes);
        const before = process.memoryUsage().rss;
        assert.equal(await kindOf(adapter.request(asking(`http://${host}`, { maxBytes }))), 'too_large');
        assert.ok(process.memoryUsage().rss - before < 30_000_000);
      });
    }

    for (const [name, encoding, body] of [
      ['an unknown one', 'compress', plain],
      ['two at once', 'gzip, br', plain],
      ['the name of an inherited member', 'constructor', plain],
      ['not compressed', 'gzip', plain],
      ['not compressed', 'br', plain],
    ] as const) {
      test(
        `is refused when it cannot be read: ${name} (A3)`,
        sending(encoding, body),
        async (adapter, { host }) => {
          assert.equal(await kindOf(adapter.request(asking(`http://${host}`))), 'encoding');
        },
      );
    }
  });
}
