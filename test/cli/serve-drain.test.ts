import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startAuthorizationServer } from '../support/authorization-server.ts';
import { ask, serveHere, serveProcess } from '../support/reverse-proxy-serve.ts';

/** An authorization server that answers when it is told to: a real one cannot be made to wait. */
async function startSlow() {
  const waiting: (() => void)[] = [];
  let asked: () => void;
  const wasAsked = new Promise<void>((resolve) => (asked = resolve));
  const server: Server = createServer((_, response) => {
    waiting.push(() => {
      response.setHeader('content-type', 'application/json');
      response.end('{"active":true,"sub":"alice","client_id":"spa","token_type":"Bearer"}');
    });
    asked();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    settings: {
      OIDC_OP_URL: url,
      OIDC_OP_INTROSPECTION_ENDPOINT: url,
      OIDC_RS_CLIENT_ID: 'api',
      OIDC_RS_CLIENT_SECRET: 'secret',
      OIDC_TIMEOUT: '20',
    },
    wasAsked,
    answerAll: () => {
      for (const answer of waiting.splice(0)) answer();
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe('SIGTERM', () => {
  it('lets the request in flight finish, refuses new ones, and ends with 0 (X1)', async () => {
    const slow = await startSlow();
    stops.push(slow.stop);
    const serve = await serveProcess(slow.settings, ['--drain-seconds', '15']);
    stops.push(serve.stop);

    const inFlight = ask(serve.url, '/auth', { token: 'slow' });
    await slow.wasAsked;
    // On connections that are open already.
    const [late, ready, health] = await Promise.all([
      beginRequest(serve.url, 'GET /auth', ['Authorization: Bearer late']),
      beginRequest(serve.url, 'GET /readyz'),
      beginRequest(serve.url, 'GET /healthz'),
    ]);
    // Once this is answered, the beginnings have been read, too.
    expect((await ask(serve.url, '/healthz')).status).toBe(200);
    serve.signal('SIGTERM');
    await expect.poll(() => serve.lines().some(({ event }) => event === 'serve.draining')).toBe(true);

    await expect(ask(serve.url, '/auth', { token: 'late' })).rejects.toThrow();
    const refused = await late();
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    expect(refused).toMatch(/\r\nconnection: close\r\n/i);
    expect(refused).toContain('"error":"temporarily_unavailable"');
    const notReady = await ready();
    expect(notReady).toMatch(/^HTTP\/1\.1 503 [^]*"status":"draining"/);
    expect(await health()).toMatch(/^HTTP\/1\.1 200 /);
    expect(serve.lines().filter(({ route }) => route === '/auth')).toMatchObject([
      { status: 503, reason: 'ERR_CLOSED' },
    ]);
    slow.answerAll();
    expect((await inFlight).status).toBe(200);
    expect(await serve.ended).toEqual({ code: 0, signal: null });
    const said = serve.lines().map(({ event }) => event);
    expect(said.slice(-1)).toEqual(['serve.stopped']);
    expect(serve.err()).toBe('');
  });

  it('ends within the deadline whatever is still in flight, and with 0', async () => {
    const slow = await startSlow();
    stops.push(slow.stop);
    const serve = await serveProcess(slow.settings, ['--drain-seconds', '1']);
    stops.push(serve.stop);
    const inFlight = ask(serve.url, '/auth', { token: 'slow' }).catch((error: unknown) => error);
    await slow.wasAsked;
    const at = performance.now();
    serve.signal('SIGTERM');
    expect(await serve.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - at).toBeLessThan(5000);
    await inFlight;
  });

  it('and another signal ends it at once', async () => {
    const slow = await startSlow();
    stops.push(slow.stop);
    const serve = await serveProcess(slow.settings, ['--drain-seconds', '60']);
    stops.push(serve.stop);
    const inFlight = ask(serve.url, '/auth', { token: 'slow' }).catch((error: unknown) => error);
    await slow.wasAsked;
    serve.signal('SIGTERM');
    await expect.poll(() => serve.lines().some(({ event }) => event === 'serve.draining')).toBe(true);
    const at = performance.now();
    serve.signal('SIGINT');
    expect(await serve.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - at).toBeLessThan(5000);
    await inFlight;
  });
});

/** Sends all of a request but its end, which the function sends that it resolves with. */
async function beginRequest(
  origin: string,
  requestLine: string,
  headers: readonly string[] = [],
): Promise<() => Promise<string>> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  stops.push(() => socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  await once(socket, 'connect');
  await new Promise((resolve) =>
    socket.write([`${requestLine} HTTP/1.1`, 'Host: localhost', ...headers, ''].join('\r\n'), resolve),
  );
  return async () => {
    socket.write('\r\n');
    await once(socket, 'close');
    return answer;
  };
}

describe('/readyz', () => {
  it('says that the authorization server is down, and that it is back (K6)', async () => {
    const authorizationServer = await startAuthorizationServer();
    stops.push(() => authorizationServer.stop());
    const serve = await serveHere(authorizationServer.settingsFor('json'));
    stops.push(serve.stop);
    expect((await ask(serve.url, '/readyz')).status).toBe(200);
    await authorizationServer.stop();
    await expect.poll(async () => (await ask(serve.url, '/readyz')).status, { timeout: 6000 }).toBe(503);
    const down = await ask(serve.url, '/readyz');
    expect(JSON.parse(down.body)).toMatchObject({
      status: 'not_ready',
      checks: [
        {
          name: 'authorization_server',
          status: 'fail',
          code: 'ERR_AS_UNAVAILABLE',
          reason: 'The authorization server gave no answer. The log says why.',
        },
      ],
    });
    expect((await ask(serve.url, '/healthz')).status).toBe(200);
    await authorizationServer.restart();
    await expect.poll(async () => (await ask(serve.url, '/readyz')).status, { timeout: 6000 }).toBe(200);
  });

  it('asks the authorization server once for all who ask within two seconds (A13)', async () => {
    const authorizationServer = await startAuthorizationServer();
    stops.push(() => authorizationServer.stop());
    const serve = await serveHere(authorizationServer.settingsFor('json'));
    stops.push(serve.stop);
    const before = authorizationServer.introspections;
    await Promise.all(Array.from({ length: 50 }, () => ask(serve.url, '/readyz')));
    expect(authorizationServer.introspections - before).toBe(1);
  });
});
