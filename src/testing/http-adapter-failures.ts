import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import { inspect } from 'node:util';
import { type Certificate, testCertificates } from './certificates.ts';
import { asking, type Contract, errorOf, kindOf, textOf, withAdapter } from './http-adapter-under-test.ts';
import { http, https, OK, raw, silent, withServer } from './http-servers.ts';

const hello = (certificate: Certificate, more: object = {}): Server =>
  https({ ...certificate, ...more }, (_, response) => response.end('hello'));
const helloBy =
  (name: 'good' | 'wrongName' | 'expired' | 'selfSigned', more?: object) => async (): Promise<Server> =>
    hello((await testCertificates())[name], more);
const selfSigned = helloBy('selfSigned');
const signed = helloBy('good');
const sending =
  (text: string, how: 'end' | 'write' = 'end') =>
  () =>
    raw((socket) => socket[how](text));
const resetting = () => raw((socket) => socket.resetAndDestroy());
const closing = () => raw((socket) => socket.end());

/** What goes wrong on the way, and that the errors keep silent about it. */
export function failuresContract({ describe, it, test, factory, trustsCa }: Contract): void {
  describe('a failure', () => {
    const fails = (
      name: string,
      makeServer: () => Server | Promise<Server>,
      kinds: RegExp,
      options: { tls?: true; ca?: true } = {},
    ) => {
      const scheme = options.tls ? 'https' : 'http';
      test(
        `is ${name} (A4)`,
        makeServer,
        async (adapter, server) => {
          assert.match(String(await kindOf(adapter.request(asking(`${scheme}://${server.host}`)))), kinds);
          assert.equal(server.sockets.length, 1);
        },
        options,
      );
    };

    it('is a refused connection (A4)', () =>
      withAdapter(factory(), async (adapter) => {
        assert.equal(await kindOf(adapter.request(asking(`http://${await unusedHost()}`))), 'refused');
      }));
    it('is a name that does not resolve (A4)', () =>
      withAdapter(factory(), async (adapter) => {
        assert.equal(await kindOf(adapter.request(asking('http://nobody.invalid/'))), 'dns');
      }));
    fails('a reset connection', resetting, /^reset$/);
    fails('a connection closed without an answer', closing, /^reset$/);
    const broken = /^(reset|protocol)$/;
    fails('half a header', sending(`${OK}content-le`), broken);
    fails('half a body', sending(`${OK}content-length: 100\r\n\r\n{"active":true}`), broken);
    fails(
      'half a chunked body',
      sending(`${OK}transfer-encoding: chunked\r\n\r\nf\r\n{"active":true}\r\n`),
      broken,
    );
    fails('not HTTP', sending('SSH-2.0-OpenSSH_9.6\r\n'), /^protocol$/);
    const twoLengths = `${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`;
    fails('a contradiction of lengths', sending(twoLengths), /^protocol$/);

    const oldTls = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    fails('TLS 1.1', helloBy('good', oldTls), /^tls$/, { tls: true });
    fails('an HTTP server behind https', () => http((_, response) => response.end()), /^tls$/, { tls: true });
    fails('a certificate that signed itself', selfSigned, /^tls$/, { tls: true });
    fails('an unknown authority', signed, /^tls$/, { tls: true });
    if (trustsCa) {
      const told = { tls: true, ca: true } as const;
      fails('a wrong name', helloBy('wrongName'), /^tls$/, told);
      fails('an expired certificate', helloBy('expired'), /^tls$/, told);
      fails('a certificate that signed itself, though an authority is known', selfSigned, /^tls$/, told);
      const accepts = 'is not a certificate of an authority that the adapter was told of (A4)';
      test(
        accepts,
        signed,
        async (adapter, { host }) => {
          assert.equal(textOf(await adapter.request(asking(`https://${host}`))), 'hello');
        },
        told,
      );
    }

    const onceBroken = () => {
      let requests = 0;
      return raw((socket) =>
        socket.end(++requests === 1 ? 'nonsense\r\n\r\n' : `${OK}content-length: 2\r\n\r\nhi`),
      );
    };
    test('is over with its request: the next one is answered (A4)', onceBroken, async (adapter, { host }) => {
      assert.equal(await kindOf(adapter.request(asking(`http://${host}`))), 'protocol');
      assert.equal(textOf(await adapter.request(asking(`http://${host}`))), 'hi');
    });
  });

  describe('an error tells nothing of the request or the answer', () => {
    const SECRETS = /the-secret|the-token|secret-path|secret-answer|127\.0\.0\.1/;
    const checkSilence = (error: Error): void => {
      const told = [inspect(error, { depth: 10, showHidden: true }), error.stack, JSON.stringify(error)];
      assert.doesNotMatch(told.join('\n'), SECRETS);
      assert.equal(error.cause, undefined);
    };
    for (const [name, makeServer, scheme = 'http'] of [
      ['no answer', silent],
      ['reset', resetting],
      ['closed', closing],
      ['not HTTP', sending('secret-answer\r\n\r\n')],
      ['half a body', sending(`${OK}content-length: 99\r\n\r\nsecret-answer`)],
      ['too large', sending(`${OK}\r\n${'secret-answer'.repeat(100)}`)],
      ['encoding', sending(`${OK}content-encoding: gzip\r\n\r\nsecret-answer`)],
      ['TLS', selfSigned, 'https'],
    ] as const) {
      test(`${name} (A9)`, makeServer, async (adapter, { host }) => {
        const request = asking(`${scheme}://${host}/secret-path`, { timeoutMs: 300 });
        checkSilence(await errorOf(adapter.request(request)));
      });
    }
    it('refused (A9)', () =>
      withAdapter(factory(), async (adapter) => {
        checkSilence(await errorOf(adapter.request(asking(`http://${await unusedHost()}/secret-path`))));
      }));
    const urls = [
      '/secret-path',
      'ftp://127.0.0.1/secret-path',
      'http://the-secret:x@127.0.0.1/',
      'http://[secret-path',
    ];
    for (const [index, url] of urls.entries()) {
      it(`a URL that is none for it, ${index + 1} (A9)`, () =>
        withAdapter(factory(), async (adapter) => {
          const error = await errorOf(adapter.request(asking(url)));
          checkSilence(error);
          assert.equal(error.kind, 'network');
        }));
    }
    it('a header that is none (A9)', () =>
      withAdapter(factory(), async (adapter) => {
        const headers = { authorization: 'the-secret\r\nx: y' };
        checkSilence(await errorOf(adapter.request(asking('http://127.0.0.1:1/', { headers }))));
      }));
  });
}

async function unusedHost(): Promise<string> {
  let unused = '';
  await withServer(silent(), ({ host }) => {
    unused = host;
    return Promise.resolve();
  });
  return unused;
}
