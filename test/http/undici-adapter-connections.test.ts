import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import {
  asking,
  contractOf,
  kindOf,
  textOf,
  withAdapter,
} from '../../src/testing/http-adapter-under-test.ts';
import {
  http,
  https,
  OK,
  raw,
  silent,
  tcp,
  until,
  untilFirstClosed,
  withServer,
} from '../../src/testing/http-servers.ts';

const certificates = await testCertificates();

const HI = `${OK}content-length: 2\r\n\r\nhi`;
const { test } = contractOf({ describe, it }, (options) => new UndiciHttpAdapter(options), true);

describe('UndiciHttpAdapter', () => {
  describe('connections', () => {
    const hello = () => http((_, response) => response.end('hello'));
    test('are kept for the next request', hello, async (adapter, { host, sockets }) => {
      for (let times = 0; times < 5; times++) {
        await adapter.request(asking(`http://${host}/${times}`));
        await turn();
      }
      expect(sockets).toHaveLength(1);
    });

    it('are at most as many as it was told, and the other requests wait', async () => {
      let now = 0;
      let most = 0;
      const counting = http((_, response) => {
        most = Math.max(most, ++now);
        setTimeout(() => {
          now -= 1;
          response.end('hello');
        }, 10);
      });
      await withServer(counting, ({ host, sockets }) =>
        withAdapter(new UndiciHttpAdapter({ connections: 2 }), async (adapter) => {
          const asked = Array.from({ length: 9 }, () => adapter.request(asking(`http://${host}`)));
          expect((await Promise.all(asked)).map(textOf)).toEqual(Array(9).fill('hello'));
          expect([most, sockets.length]).toEqual([2, 2]);
        }),
      );
    });

    it('are left alone by a request whose deadline passed while it waited (A2)', async () => {
      let requests = 0;
      const slow = raw((socket) => {
        requests += 1;
        setTimeout(() => socket.write(HI), 200);
      });
      await withServer(slow, ({ host, sockets }) =>
        withAdapter(new UndiciHttpAdapter({ connections: 1 }), async (adapter) => {
          const first = adapter.request(asking(`http://${host}`));
          const second = kindOf(adapter.request(asking(`http://${host}`, { timeoutMs: 50 })));
          const third = adapter.request(asking(`http://${host}`));
          expect(await second).toBe('timeout');
          expect([textOf(await first), textOf(await third)]).toEqual(['hi', 'hi']);
          expect([requests, sockets.length]).toEqual([2, 1]);
        }),
      );
    });

    test('that never come to be end at the deadline (A2)', silent, async (adapter, server) => {
      // Nobody answers the TLS handshake.
      const request = asking(`https://${server.host}`, { timeoutMs: 100 });
      expect(await kindOf(adapter.request(request))).toBe('timeout');
      await untilFirstClosed(server);
    });

    it('are free for others when requests that waited for them are over (A2)', async () => {
      let accepted = 0;
      const answering = https(certificates.good, (_, response) => response.end('hello'));
      const silentOnce = tcp((socket) => {
        if (++accepted === 1) socket.resume();
        else answering.emit('connection', socket);
      });
      await withServer(silentOnce, ({ host }) =>
        withAdapter(new UndiciHttpAdapter({ ca: certificates.ca, connections: 1 }), async (adapter) => {
          const dying = asking(`https://${host}`, { timeoutMs: 50 });
          const kinds = Array.from({ length: 20 }, () => kindOf(adapter.request(dying)));
          expect(textOf(await adapter.request(asking(`https://${host}`, { timeoutMs: 4000 })))).toBe('hello');
          // Where a machine is slow, some are answered after the first has gone.
          expect(await kinds[0]).toBe('timeout');
          await Promise.allSettled(kinds);
        }),
      );
    });

    it('are not made for requests that are over (A2)', () =>
      withServer(silent(), ({ host, sockets }) =>
        withAdapter(new UndiciHttpAdapter({ connections: 2 }), async (adapter) => {
          const request = asking(`https://${host}`, { timeoutMs: 50 });
          const kinds = Array.from({ length: 20 }, () => kindOf(adapter.request(request)));
          expect(await Promise.all(kinds)).toEqual(Array(20).fill('timeout'));
          await sleep(150);
          // Two, and a few for those whose deadline comes a millisecond later.
          expect(sockets.length).toBeLessThan(10);
        }),
      ));

    test('are not made again after the deadline (A2)', silent, async (adapter, server) => {
      expect(await kindOf(adapter.request(asking(`http://${server.host}`, { timeoutMs: 50 })))).toBe(
        'timeout',
      );
      await untilFirstClosed(server);
      await sleep(50);
      expect(server.sockets).toHaveLength(1);
    });
  });

  describe('a kept connection that turns out to be dead', () => {
    const behaviours = [
      ['closed', 'end'],
      ['reset', 'resetAndDestroy'],
    ] as const;
    // Answers the first `answered` requests of all, and ends a connection when another request comes, as long as `until`.
    const dying = (how: 'end' | 'resetAndDestroy', answered: number, until: number) => {
      let requests = 0;
      const server = raw((socket) => {
        requests += 1;
        if (requests <= answered || requests > until) socket.write(HI);
        else socket[how]();
      });
      return { server, count: () => requests };
    };

    for (const [name, how] of behaviours) {
      it(`is tried again once: ${name} (A12)`, async () => {
        const { server, count } = dying(how, 1, 2);
        await withServer(server, ({ host, sockets }) =>
          withAdapter(new UndiciHttpAdapter(), async (adapter) => {
            await adapter.request(asking(`http://${host}`));
            await turn();
            expect(textOf(await adapter.request(asking(`http://${host}`)))).toBe('hi');
            expect([count(), sockets.length]).toEqual([3, 2]);
          }),
        );
      });

      it(`is not tried a third time, even on another kept one: ${name} (A12)`, async () => {
        const { server, count } = dying(how, 3, 100);
        await withServer(server, ({ host, sockets }) =>
          withAdapter(new UndiciHttpAdapter(), async (adapter) => {
            await Promise.all([1, 2, 3].map(() => adapter.request(asking(`http://${host}`))));
            await turn();
            expect(sockets).toHaveLength(3);
            expect(await kindOf(adapter.request(asking(`http://${host}`)))).toBe('reset');
            expect(count()).toBe(5);
          }),
        );
      });

      it(`is not tried again when it was a new one: ${name} (A12)`, async () => {
        const { server, count } = dying(how, 0, 100);
        await withServer(server, ({ host }) =>
          withAdapter(new UndiciHttpAdapter(), async (adapter) => {
            expect(await kindOf(adapter.request(asking(`http://${host}`)))).toBe('reset');
            expect(count()).toBe(1);
          }),
        );
      });
    }

    for (const bytes of [
      'H',
      'HTTP/1.1 2',
      `${OK}content-length: 2\r\n\r\nh`,
      'HTTP/1.1 103 Early Hints\r\n\r\n',
    ]) {
      it(`is not tried again after ${bytes.length} bytes of an answer (A12)`, async () => {
        let requests = 0;
        const server = raw((socket) => {
          if (++requests === 1) socket.write(HI);
          else socket.end(bytes);
        });
        await withServer(server, ({ host }) =>
          withAdapter(new UndiciHttpAdapter(), async (adapter) => {
            await adapter.request(asking(`http://${host}`));
            await turn();
            expect(await kindOf(adapter.request(asking(`http://${host}`)))).toMatch(/reset|protocol/);
            expect(requests).toBe(2);
          }),
        );
      });
    }

    it('is tried again within the same deadline (A2, A12)', async () => {
      let requests = 0;
      const server = raw((socket) => {
        requests += 1;
        if (requests === 1) socket.write(HI);
        if (requests === 2) setTimeout(() => socket.resetAndDestroy(), 200);
      });
      await withServer(server, ({ host }) =>
        withAdapter(new UndiciHttpAdapter(), async (adapter) => {
          await adapter.request(asking(`http://${host}`));
          await turn();
          const startedAt = performance.now();
          expect(await kindOf(adapter.request(asking(`http://${host}`, { timeoutMs: 300 })))).toBe('timeout');
          expect(performance.now() - startedAt).toBeLessThan(450);
          expect(requests).toBe(3);
        }),
      );
    });

    it('is tried again with TLS, and not when it was a new one (A12)', async () => {
      for (const [answered, expected] of [
        [1, 'hi'],
        [0, 'reset'],
      ] as const) {
        let requests = 0;
        const server = https(certificates.good, (request, response) => {
          requests += 1;
          if (requests === answered || requests > 2) response.end('hi');
          else request.socket.destroy();
        });
        await withServer(server, ({ host }) =>
          withAdapter(new UndiciHttpAdapter({ ca: certificates.ca }), async (adapter) => {
            if (answered === 1) await adapter.request(asking(`https://${host}`));
            await turn();
            const outcome = adapter.request(asking(`https://${host}`));
            expect(answered === 1 ? textOf(await outcome) : await kindOf(outcome)).toBe(expected);
            expect(requests).toBe(answered === 1 ? 3 : 1);
          }),
        );
      }
    });

    it('is noticed while nobody uses it (A12)', async () => {
      const server = raw((socket) => {
        socket.write(HI);
        setTimeout(() => socket.end(), 10);
      });
      await withServer(server, ({ host, sockets }) =>
        withAdapter(new UndiciHttpAdapter(), async (adapter) => {
          await adapter.request(asking(`http://${host}`));
          await until(() => sockets[0]?.closed === true, 'the idle connection is closed');
          expect(textOf(await adapter.request(asking(`http://${host}`)))).toBe('hi');
          expect(sockets).toHaveLength(2);
        }),
      );
    });
  });
});
