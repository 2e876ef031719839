import { connect, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import { asking, kindOf, textOf, withAdapter } from '../../src/testing/http-adapter-under-test.ts';
import { http, https, OK, raw, silent, tcp, withServer } from '../../src/testing/http-servers.ts';

const certificates = await testCertificates();

interface Proxy {
  readonly server: Server;
  /** The authorities that tunnels were asked for. */
  readonly tunnels: string[];
  readonly credentials: (string | undefined)[];
}

function makeProxy(): Proxy {
  const proxy: Proxy = {
    server: http((_, response) => response.writeHead(500).end('This proxy only makes tunnels.')),
    tunnels: [],
    credentials: [],
  };
  proxy.server.on(
    'connect',
    (request: { url: string; headers: Record<string, string> }, socket: ReturnType<typeof connect>) => {
      proxy.tunnels.push(request.url);
      proxy.credentials.push(request.headers['proxy-authorization']);
      const [hostname, port] = request.url.split(':');
      const onward = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
      socket.on('close', () => onward.destroy());
    },
  );
  return proxy;
}

const through = (host: string, use: (adapter: UndiciHttpAdapter) => Promise<void>, credentials = '') =>
  withAdapter(new UndiciHttpAdapter({ proxy: `http://${credentials}${host}`, ca: certificates.ca }), use);

describe('UndiciHttpAdapter with a proxy', () => {
  for (const scheme of ['http', 'https'] as const) {
    it(`goes through it, and keeps the connection: ${scheme} (A12)`, async () => {
      const proxy = makeProxy();
      const target =
        scheme === 'http'
          ? http((_, response) => response.end('hello'))
          : https(certificates.good, (_, response) => response.end('hello'));
      await withServer(target, (server) =>
        withServer(proxy.server, ({ host }) =>
          through(
            host,
            async (adapter) => {
              for (let times = 0; times < 3; times++) {
                expect(textOf(await adapter.request(asking(`${scheme}://${server.host}`)))).toBe('hello');
                await turn();
              }
              expect(proxy.tunnels).toEqual([server.host]);
              expect(server.sockets).toHaveLength(1);
              expect(proxy.credentials).toEqual([`Basic ${Buffer.from('user:pass').toString('base64')}`]);
            },
            'user:pass@',
          ),
        ),
      );
    });
  }

  it('verifies the certificate of the server all the same (A4)', () =>
    withServer(
      https(certificates.wrongName, (_, response) => response.end('hello')),
      (server) =>
        withServer(makeProxy().server, ({ host }) =>
          through(host, async (adapter) => {
            expect(await kindOf(adapter.request(asking(`https://${server.host}`)))).toBe('tls');
          }),
        ),
    ));

  const answers = [
    ['refuses', 'HTTP/1.1 403 Forbidden\r\n\r\n', 'refused'],
    ['wants credentials', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'refused'],
    ['closes', '', 'reset'],
    ['is none', 'nonsense\r\n\r\n', 'protocol'],
  ] as const;
  for (const [name, answer, kind] of answers) {
    it(`that ${name}: says so at once, and asks it no more (A4, A9)`, async () => {
      let tunnels = 0;
      const proxy = raw((socket) => {
        tunnels += 1;
        socket.end(answer);
      });
      await withServer(proxy, ({ host }) =>
        through(host, async (adapter) => {
          expect(await kindOf(adapter.request(asking('https://192.0.2.1/secret-path')))).toBe(kind);
          await turn();
          expect(tunnels).toBe(1);
        }),
      );
    });
  }

  it('keeps to the deadline when the proxy is silent (A2)', () =>
    withServer(silent(), ({ host }) =>
      through(host, async (adapter) => {
        expect(await kindOf(adapter.request(asking('https://192.0.2.1/', { timeoutMs: 100 })))).toBe(
          'timeout',
        );
      }),
    ));

  it('keeps to the deadline when the server behind it is silent (A2)', () =>
    withServer(silent(), (server) =>
      withServer(makeProxy().server, ({ host }) =>
        through(host, async (adapter) => {
          for (const scheme of ['http', 'https']) {
            const request = asking(`${scheme}://${server.host}`, { timeoutMs: 100 });
            expect(await kindOf(adapter.request(request))).toBe('timeout');
          }
        }),
      ),
    ));

  it('tries again only on a connection that was kept (A12)', async () => {
    const hi = `${OK}content-length: 2\r\n\r\nhi`;
    for (const [answered, expected] of [
      [1, 3],
      [0, 1],
    ] as const) {
      let requests = 0;
      const dying = raw((socket) => {
        requests += 1;
        if (requests === answered || requests > 2) socket.write(hi);
        else socket.end();
      });
      await withServer(dying, (server) =>
        withServer(makeProxy().server, ({ host }) =>
          through(host, async (adapter) => {
            if (answered === 1) await adapter.request(asking(`http://${server.host}`));
            await turn();
            await adapter.request(asking(`http://${server.host}`)).catch(() => undefined);
            expect(requests).toBe(expected);
          }),
        ),
      );
    }
  });

  it('is asked for a tunnel even without TLS, so that it sees no token (A9)', async () => {
    let seen = '';
    const proxy = tcp((socket) => socket.on('data', (data) => (seen += data.toString('latin1'))));
    await withServer(proxy, ({ host }) =>
      through(host, async (adapter) => {
        await kindOf(adapter.request(asking('http://192.0.2.1/introspect', { timeoutMs: 100 })));
      }),
    );
    expect(seen).toMatch(/^CONNECT 192\.0\.2\.1:80 /);
    expect(seen).not.toContain('the-token');
  });
});
