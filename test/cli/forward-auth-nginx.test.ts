import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw-http.ts';
import { missingProgram, startMirror, startProxy } from '../support/reverse-proxy.ts';
import { FORWARD_AUTH_EXAMPLES, serveExample } from '../support/reverse-proxy-serve.ts';

const missing = missingProgram('nginx');
const real = missing === undefined ? it : it.skip;

let example: Awaited<ReturnType<typeof serveExample>>;
beforeAll(async () => {
  example = await serveExample();
});
afterAll(() => example.stop());

describe(missing === undefined ? 'real nginx' : `real nginx (skipped: ${missing})`, () => {
  real('takes the answer of the oidc-rs that could be reached', async () => {
    const api = await startMirror();
    const proxy = await startProxy('nginx', { auth: example.serve.url, api: api.url }, (config) =>
      config.replace('server 127.0.0.1:8080;', 'server 127.0.0.1:9 max_fails=0; server 127.0.0.1:8080;'),
    );
    try {
      const weak = [`Authorization: Bearer ${await example.tokenOf('alice', 'profile')}`];
      for (let request = 0; request < 4; request++) {
        const none = await rawRequest(proxy.url, 'GET /things');
        expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, ['Bearer realm="api"']]);
        const refused = await rawRequest(proxy.url, 'GET /things', weak);
        expect(refused.status).toBe(403);
        expect(refused.headers.get('www-authenticate')?.join()).toContain('insufficient_scope');
      }
    } finally {
      await proxy.stop();
      await api.stop();
    }
  });

  real('with nginx-cors.conf answers preflights itself, and refusals can be read (R7)', async () => {
    const api = await startMirror();
    const include = `include ${FORWARD_AUTH_EXAMPLES}nginx-cors.conf;`;
    const proxy = await startProxy('nginx', { auth: example.serve.url, api: api.url }, (config) =>
      config
        .replace('# Everything is guarded.', `${include}\n$&`)
        .replace('location @refused {', `$&\n${include}`),
    );
    const allowed = ['https://app.example.com'];
    try {
      const before = example.serve.requests().length;
      for (const headers of [[], ['Origin: https://app.example.com', 'Access-Control-Request-Method: PUT']]) {
        const preflight = await rawRequest(proxy.url, 'OPTIONS /things', headers);
        expect([preflight.status, preflight.body]).toEqual([204, '']);
        expect(preflight.headers.get('access-control-allow-origin')).toEqual(allowed);
        expect(preflight.headers.get('access-control-allow-headers')?.join()).toContain('Authorization');
      }
      expect(example.serve.requests()).toHaveLength(before);
      const refused = await rawRequest(proxy.url, 'GET /things');
      expect(refused.status).toBe(401);
      expect(refused.headers.get('access-control-allow-origin')).toEqual(allowed);
      expect(refused.headers.get('access-control-expose-headers')?.join()).toContain('WWW-Authenticate');
      expect(refused.headers.get('www-authenticate')).toEqual(['Bearer realm="api"']);
      const good = await rawRequest(proxy.url, 'GET /things', [
        `Authorization: Bearer ${await example.tokenOf('alice', 'groups')}`,
      ]);
      expect([good.status, good.headers.get('access-control-allow-origin')]).toEqual([200, allowed]);
    } finally {
      await proxy.stop();
      await api.stop();
    }
  });
});
