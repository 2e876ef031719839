import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { FetchHttpAdapter } from '../../src/http/fetch-adapter.ts';
import { testCertificates } from '../../src/testing/certificates.ts';
import { asking } from '../../src/testing/http-adapter-under-test.ts';
import { httpAdapterContract } from '../../src/testing/http-adapter-contract.ts';
import { https, until, withServer } from '../../src/testing/http-servers.ts';

const certificates = await testCertificates();

describe('FetchHttpAdapter', () => {
  httpAdapterContract({ describe, it }, () => new FetchHttpAdapter(), { trustsCa: false });

  // Node's fetch learns of an authority only from the environment of its process.
  it('leaves certificates to the runtime: good, wrong name, expired (A4)', async () => {
    const { ca, good, wrongName, expired } = certificates;
    const directory = mkdtempSync(join(tmpdir(), 'ca-'));
    const file = join(directory, 'ca.pem');
    writeFileSync(file, ca);
    const hosts: string[] = [];
    const ask = async (): Promise<void> => {
      const script = `
        import { FetchHttpAdapter } from ${JSON.stringify(new URL('../../src/http/fetch-adapter.ts', import.meta.url).href)};
        for (const host of ${JSON.stringify(hosts)}) {
          const request = { method: 'GET', url: 'https://' + host, headers: {}, timeoutMs: 5000, maxBytes: 100 };
          console.log(await new FetchHttpAdapter().request(request).then((response) => response.status, (error) => error.kind));
        }`;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '--eval', script],
        { env: { ...process.env, NODE_EXTRA_CA_CERTS: file }, timeout: 15_000 },
      );
      expect(stdout.trim().split('\n')).toEqual(['200', 'tls', 'tls']);
    };
    const chain = [good, wrongName, expired].reduceRight<() => Promise<void>>(
      (next, certificate) => () =>
        withServer(
          https(certificate, (_, response) => response.end()),
          async ({ host }) => {
            hosts.push(host);
            await next();
          },
        ),
      ask,
    );
    await chain().finally(() => {
      rmSync(directory, { recursive: true });
    });
  });

  it('calls a redirect that the runtime hides a redirect all the same (A1)', async () => {
    const hidden = { type: 'opaqueredirect', status: 0, headers: new Headers(), body: null } as Response;
    const fetch = vi.spyOn(globalThis, 'fetch').mockResolvedValue(hidden);
    const response = await new FetchHttpAdapter().request(asking('http://127.0.0.1/'));
    expect(response).toEqual({ status: 302, headers: {}, body: new Uint8Array() });
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({ redirect: 'manual', credentials: 'omit' });
    fetch.mockRestore();
  });

  it('leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    for (let times = 0; times < 10; times++) {
      await new FetchHttpAdapter().request(asking('http://127.0.0.1:1/')).catch(() => undefined);
    }
    // Not exactly: those of earlier tests may run out meanwhile.
    await until(() => timers() <= before, 'the timers are gone');
  });
});
