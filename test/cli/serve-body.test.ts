import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAnswerer } from '../../src/cli/serve/answerer.ts';
import { type HttpServer, startHttpServer } from '../../src/cli/serve/http-server.ts';
import { DEFAULT_HEADERS } from '../../src/cli/serve/identity-headers.ts';
import { jsonLog } from '../../src/cli/serve/json-log.ts';
import { formOf, type LogoutFixture, logoutFixture, logoutToken } from '../support/logout-tokens.ts';
import { type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';

const FORM = ['Content-Type: application/x-www-form-urlencoded'];

let fixture: LogoutFixture;
let server: HttpServer;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  fixture = await logoutFixture();
  const resourceServer = await tokenTableResourceServer();
  lines = [];
  const answer = createAnswerer({
    resourceServer: { ...resourceServer, endpoints: [...resourceServer.endpoints, fixture.endpoint] },
    policies: new Map(),
    headerNames: DEFAULT_HEADERS,
    unverifiedEmail: false,
    readiness: () => Promise.resolve({ status: 'ready', checks: [] }),
  });
  const log = jsonLog((line) => void lines.push(JSON.parse(line) as Record<string, unknown>));
  server = await startHttpServer({ host: '127.0.0.1', port: 0, answer, log });
});
afterEach(async () => {
  await server.drain(Promise.resolve());
  await fixture.stop();
});

function post(body: string, headers = FORM, path = '/backchannel-logout'): Promise<RawAnswer> {
  return rawRequest(server.url, `POST ${path}`, headers, body);
}

describe('oidc-rs serve', () => {
  it('takes a form where it publishes something that takes one', async () => {
    const form = formOf(await logoutToken());
    expect((await post(form)).status).toBe(200);
    expect(await post(form)).toMatchObject({ status: 400, body: '{"error":"invalid_request"}' });
    expect(fixture.revoked).toEqual([{ sid: 'session-1' }, { sub: 'alice' }]);
    expect(lines.map(({ route, status }) => [route, status])).toEqual([
      ['/backchannel-logout', 200],
      ['/backchannel-logout', 400],
    ]);
  });

  it('takes it in pieces as well', async () => {
    const form = formOf(await logoutToken());
    const half = form.length >> 1;
    const pieces = [form.slice(0, half), form.slice(half)].map(
      (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`,
    );
    const headers = [...FORM, 'Transfer-Encoding: chunked', '', `${pieces.join('')}0`];
    expect((await post('', headers)).status).toBe(200);
  });

  it('refuses a large one, and answers GET by the method that it wants (P3)', async () => {
    expect((await post(`${formOf(await logoutToken())}&a=${'x'.repeat(20_000)}`)).status).toBe(413);
    const get = await rawRequest(server.url, 'GET /backchannel-logout');
    expect([get.status, get.headers.get('allow')]).toEqual([405, ['POST']]);
    expect(fixture.revoked).toEqual([]);
  });

  it('leaves the bodies of other requests unread', async () => {
    expect((await post('access_token=alice-token', FORM, '/auth')).status).toBe(401);
    expect((await post('access_token=alice-token', FORM, '/jwks')).status).toBe(405);
    const bearer = [...FORM, 'Authorization: Bearer alice-token'];
    expect((await post('x'.repeat(100_000), bearer, '/auth')).status).toBe(200);
  });
});
