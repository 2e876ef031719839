import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ask, FORWARD_AUTH_EXAMPLES, identityIn, serveExample } from '../support/reverse-proxy-serve.ts';

// Debian packages neither Traefik nor Envoy, so neither is run: `serve` gets what their documentation says that they send.

const text = (file: string): string => readFileSync(FORWARD_AUTH_EXAMPLES + file, 'utf8');

let example: Awaited<ReturnType<typeof serveExample>>;
let token: string;
beforeAll(async () => {
  example = await serveExample();
  token = await example.tokenOf('alice', 'groups');
});
afterAll(() => example.stop());

describe('Traefik ForwardAuth: GET to the address, the original request in X-Forwarded headers, and its headers', () => {
  interface Dynamic {
    readonly http: {
      readonly routers: Readonly<Record<string, { readonly middlewares: readonly string[] }>>;
      readonly middlewares: Readonly<Record<string, { readonly forwardAuth: { readonly address: string } }>>;
    };
  }
  const { routers, middlewares } = (parse(text('traefik.yml')) as Dynamic).http;
  const pathOf = (router: string): string => {
    const [name = ''] = routers[router]?.middlewares ?? [];
    return new URL(middlewares[name]?.forwardAuth.address ?? '').pathname;
  };
  const forwarded = [
    'X-Forwarded-Method: POST',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: api.example.com',
    'X-Forwarded-Uri: /reports/1?access_token=in-the-query',
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-Port: 443',
    'X-Forwarded-Server: proxy',
    'Content-Type: application/json',
    'Accept: */*',
  ];

  it('lets in whom the settings let in, and says who it is', async () => {
    const answer = await ask(example.serve.url, pathOf('api'), { token, headers: forwarded });
    expect(answer.status).toBe(200);
    expect(identityIn(answer)).toEqual({
      subject: 'alice',
      'user-id': '',
      email: '',
      audience: 'spa',
      scopes: 'groups',
    });
  });

  it('is refused where the policy of the address asks more, whatever was forwarded (R8)', async () => {
    const refused = await ask(example.serve.url, pathOf('reports'), { token, headers: forwarded });
    expect(refused.status).toBe(403);
    expect(refused.header('www-authenticate')).toContain('scope="groups reports"');
    const none = await ask(example.serve.url, pathOf('api'), { headers: forwarded });
    expect([none.status, none.header('www-authenticate')]).toEqual([401, 'Bearer realm="api"']);
    expect(example.serve.text()).not.toContain('in-the-query');
  });
});

describe('Envoy ext_authz over HTTP: the original method and host, and the original path and query behind the prefix', () => {
  const prefix = /path_prefix: (\S+)/.exec(text('envoy.yaml'))?.[1] ?? '';
  // What it sends of the original headers, unless it is told to send more.
  const headers = ['Content-Length: 0'];

  it('is a file that can be read', () => {
    expect(prefix).toBe('/auth');
    expect(parse(text('envoy.yaml'))).toHaveProperty('static_resources.listeners');
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s', async (method) => {
    for (const path of ['/', '/things?x=%2e%2e', '/policy/front-page', '/reports/1%20a']) {
      const good = await ask(example.serve.url, prefix + path, { method, token, headers });
      expect([path, good.status, good.header('x-auth-subject')]).toEqual([path, 200, 'alice']);
      const none = await ask(example.serve.url, prefix + path, { method, headers });
      expect([path, none.status]).toEqual([path, 401]);
    }
  });

  it('cannot be led to another policy by the path of the caller (R8)', async () => {
    for (const [path, status] of [
      ['/../policy/front-page', 400],
      ['/%2e%2e/policy/front-page', 400],
      ['/..%2fpolicy/front-page', 400],
      ['/..;/policy/front-page', 400],
      ['?/../policy/front-page', 401],
      // No slash in between, as in the asterisk of OPTIONS: nothing that there is.
      ['*', 404],
    ] as const) {
      expect([path, (await ask(example.serve.url, prefix + path, { headers })).status]).toEqual([
        path,
        status,
      ]);
    }
  });

  it('has a token in the query of the caller refused', async () => {
    const answer = await ask(example.serve.url, `${prefix}/things?access_token=x`, { token, headers });
    expect(answer.status).toBe(400);
  });
});

describe('the files of the example', () => {
  it('hand on all five headers, and none besides', () => {
    const names = ['X-Auth-Subject', 'X-Auth-User-Id', 'X-Auth-Email', 'X-Auth-Audience', 'X-Auth-Scopes'];
    for (const file of ['nginx.conf', 'Caddyfile', 'traefik.yml']) {
      const found = new Set(text(file).match(/X-Auth-[A-Z][\w-]+/g));
      expect([file, [...found].sort()]).toEqual([file, [...names].sort()]);
    }
    expect(text('envoy.yaml')).toContain('patterns: [{ prefix: x-auth- }]');
  });
});
