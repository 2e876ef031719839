import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import { asking, kindOf, textOf, withAdapter } from '../../src/testing/http-adapter-under-test.ts';
import { httpAdapterContract } from '../../src/testing/http-adapter-contract.ts';
import {
  http,
  https,
  OK,
  raw,
  silent,
  until,
  untilFirstClosed,
  withServer,
} from '../../src/testing/http-servers.ts';

const certificates = await testCertificates();

const hello = () => http((_, response) => response.end('hello'));

describe('UndiciHttpAdapter', () => {
  httpAdapterContract({ describe, it }, (options) => new UndiciHttpAdapter(options));

  describe('certificates', () => {
    const secure = (name: 'selfSigned' | 'wrongName' | 'expired') =>
      https(certificates[name], (_, response) => response.end('hello'));

    afterEach(() => {
      vi.doUnmock('node:tls');
      vi.resetModules();
    });

    it('are not verified when that was asked for', async () => {
      for (const name of ['selfSigned', 'wrongName', 'expired'] as const) {
        await withServer(secure(name), ({ host }) =>
          withAdapter(new UndiciHttpAdapter({ rejectUnauthorized: false }), async (adapter) => {
            expect(textOf(await adapter.request(asking(`https://${host}`)))).toBe('hello');
          }),
        );
      }
    });

    // Stands in for the system: its only authority is the server's own certificate.
    for (const member of ['rootCertificates', 'getCACertificates'] as const) {
      it(`of authorities of the system are trusted besides those of \`ca\`: ${member} (A4)`, async () => {
        const { ca, selfSigned } = certificates;
        vi.resetModules();
        vi.doMock('node:tls', async (original) => ({
          ...(await original<object>()),
          rootCertificates: member === 'rootCertificates' ? [selfSigned.cert] : [],
          getCACertificates: member === 'rootCertificates' ? undefined : () => [selfSigned.cert],
        }));
        const fresh = await import('../../src/http/undici-adapter.ts');
        await withServer(secure('selfSigned'), ({ host }) =>
          withAdapter(new fresh.UndiciHttpAdapter({ ca }), async (adapter) => {
            expect(textOf(await adapter.request(asking(`https://${host}`)))).toBe('hello');
          }),
        );
      });
    }
  });

  describe('its end', () => {
    it('leaves no timer behind, however a request ended', async () => {
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      await withServer(hello(), ({ host }) =>
        withAdapter(new UndiciHttpAdapter(), async (adapter) => {
          const before = timers();
          for (let times = 0; times < 10; times++) {
            await adapter.request(asking(`http://${host}`));
            expect(await kindOf(adapter.request(asking(`http://${host}`, { maxBytes: 1 })))).toBe(
              'too_large',
            );
            expect(await kindOf(adapter.request(asking('http://127.0.0.1:1/')))).toBe('refused');
            expect(await kindOf(adapter.request(asking('nonsense')))).toBe('network');
          }
          // Not exactly: those of earlier tests may run out meanwhile.
          await until(() => timers() <= before, 'the timers are gone');
        }),
      );
    });

    it('closes kept connections, and refuses new requests (X1)', () =>
      withServer(hello(), async (server) => {
        const adapter = new UndiciHttpAdapter();
        await adapter.request(asking(`http://${server.host}`));
        const closing = adapter.close();
        expect(await kindOf(adapter.request(asking(`http://${server.host}`)))).toBe('network');
        await Promise.all([closing, adapter.close()]);
        await untilFirstClosed(server);
        expect(server.sockets).toHaveLength(1);
      }));

    it('waits for requests that wait (X1)', () =>
      withServer(hello(), async ({ host }) => {
        const adapter = new UndiciHttpAdapter({ connections: 1 });
        const answers = [1, 2, 3].map(() => adapter.request(asking(`http://${host}`)));
        await adapter.close();
        expect((await Promise.all(answers)).map(textOf)).toEqual(['hello', 'hello', 'hello']);
      }));

    it('is no condition for the end of the process, nor is it in its way (X1)', async () => {
      // It does not say how long it keeps connections: we would for 30 s.
      const keeping = raw((socket) => socket.write(`${OK}content-length: 2\r\n\r\nhi`));
      const script = (adapter: string, hosts: string[]) => `
        import { UndiciHttpAdapter } from ${JSON.stringify(adapter)};
        for (const host of ${JSON.stringify(hosts)}) {
          const adapter = new UndiciHttpAdapter();
          const request = { method: 'GET', url: 'http://' + host, headers: {}, timeoutMs: 200, maxBytes: 100 };
          console.log(await adapter.request(request).then((response) => response.status, (error) => error.kind));
          if (host === ${JSON.stringify(hosts[0])}) await adapter.close();
        }
        const endedAt = performance.now();
        process.on('beforeExit', () => console.log(performance.now() - endedAt < 5000 ? 'at once' : 'late'));`;
      await withServer(silent(), (closed) =>
        withServer(keeping, async (left) => {
          const adapter = new URL('../../src/http/undici-adapter.ts', import.meta.url).href;
          const { stdout } = await promisify(execFile)(
            process.execPath,
            ['--import', 'tsx', '--input-type=module', '--eval', script(adapter, [closed.host, left.host])],
            { timeout: 15_000 },
          );
          expect(stdout).toBe('timeout\n200\nat once\n');
        }),
      );
    });
  });

  describe('what requests have in common', () => {
    const echo = () => http((request, response) => response.end(String(request.headers['x-name'])));

    it('is found out once where headers cannot change, and anew where they can', () =>
      withServer(echo(), ({ host }) =>
        withAdapter(new UndiciHttpAdapter(), async (adapter) => {
          const names = async (headers: Record<string, string>) =>
            textOf(await adapter.request(asking(`http://${host}`, { headers })));
          const changing = { 'x-name': 'first' };
          const frozen = Object.freeze({ 'x-name': 'frozen' });
          expect(await names(frozen)).toBe('frozen');
          expect(await names(frozen)).toBe('frozen');
          expect(await names(Object.freeze({ 'x-name': 'other' }))).toBe('other');
          expect(await names(changing)).toBe('first');
          changing['x-name'] = 'second';
          expect(await names(changing)).toBe('second');
        }),
      ));

    it('is no deadline of another length (A2)', () =>
      withServer(silent(), ({ host }) =>
        withAdapter(new UndiciHttpAdapter(), async (adapter) => {
          const order: number[] = [];
          const give = async (timeoutMs: number) => {
            expect(await kindOf(adapter.request(asking(`http://${host}`, { timeoutMs })))).toBe('timeout');
            order.push(timeoutMs);
          };
          await Promise.all([400, 50, 225, 100].map(give));
          expect(order).toEqual([50, 100, 225, 400]);
        }),
      ));
  });
});
