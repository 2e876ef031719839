import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type Claims, type ClaimsUser, createResourceServer, type AccessToken } from 'oidc-resource-server';
import { type ResourceServer, ResourceServerBackend } from 'oidc-resource-server';
import { protectUpgrade } from 'oidc-resource-server/ws';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ISSUER, tokenTableResourceServer } from '../support/token-table.ts';
import { frameworkContract } from './framework-contract.ts';
import { close, HANDSHAKE, listen, startWs } from './ws-contract.ts';

// Without the groups that are left out, nothing is left in these; vitest refuses an empty suite.
const EMPTY = ['lets in', 'survives', 'publishes'];

describe('WebSocket', () => {
  const suite = (name: string, body: () => void): void => {
    if (!EMPTY.includes(name)) describe(name, body);
  };
  frameworkContract({ describe: suite, it }, startWs, {
    without: [
      // A handshake is a GET without a body (RFC 6455 section 4.1).
      'head',
      'methods',
      // Browsers send no preflight before a handshake.
      'preflights',
      // After the handshake there is no HTTP answer. What is let in is tested below, over WebSockets.
      'success',
      'caching',
      'handler errors',
      'nested',
      // Endpoints are plain requests to the same server; the adapter has no part in them.
      'publishing',
    ],
  });
});

type Guarded = Pick<ResourceServer<ClaimsUser>, 'authenticate' | 'challenge'>;

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

async function serve(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  cleanUp.push(() => close(server, sockets));
  return listen(server);
}

async function tokenTable(): Promise<ResourceServer<ClaimsUser>> {
  const resourceServer = await tokenTableResourceServer();
  cleanUp.push(() => resourceServer.close());
  return resourceServer;
}

function open(port: number, token?: string, path = '/'): WebSocket {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}${path}`, { headers });
  socket.on('error', () => undefined);
  return socket;
}

async function messageOf(socket: WebSocket): Promise<unknown> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(data.toString());
}

/** The status of a refused handshake. */
async function statusOf(socket: WebSocket): Promise<number | undefined> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode?: number }];
  socket.terminate();
  return response.statusCode;
}

/** A resource server that authenticates only when told to, and tells when it has been asked. */
function gated(resourceServer: Guarded): { guarded: Guarded; asked: Promise<void>; go: () => void } {
  let tell = (): void => undefined;
  let go = (): void => undefined;
  const told = new Promise<void>((resolve) => (tell = resolve));
  const gate = new Promise<void>((resolve) => (go = resolve));
  const guarded: Guarded = {
    challenge: (error) => resourceServer.challenge(error),
    authenticate: async (request, requirements) => {
      tell();
      await gate;
      return resourceServer.authenticate(request, requirements);
    },
  };
  return { guarded, asked: told, go };
}

/** The same resource server; the errors that it is told are counted. */
function watched(resourceServer: Guarded): { guarded: Guarded; challenge: ReturnType<typeof vi.fn> } {
  const challenge = vi.fn((error: unknown) => resourceServer.challenge(error));
  return {
    guarded: { authenticate: (...asked) => resourceServer.authenticate(...asked), challenge },
    challenge,
  };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else
      socket.once('close', () => {
        resolve();
      });
  });
}

/** A resource server whose tokens are instants: each says when it expires, in seconds. */
async function expiring(): Promise<ResourceServer<ClaimsUser>> {
  class ExpiringBackend extends ResourceServerBackend<ClaimsUser> {
    override getClaims(token: AccessToken): Promise<Claims> {
      const claims = { active: true, iss: ISSUER, sub: 'alice', client_id: 'spa', token_type: 'Bearer' };
      const exp = Number(token.reveal());
      return Promise.resolve(exp === 0 ? claims : { ...claims, exp });
    }
  }
  const resourceServer = await createResourceServer({
    backend: ExpiringBackend,
    env: {},
    settings: { OIDC_OP_URL: ISSUER, OIDC_RS_ALLOWED_AUDIENCES: ['spa'], OIDC_RS_SCOPES: [] },
  });
  cleanUp.push(() => resourceServer.close());
  return resourceServer;
}

describe('a connection that is let in', () => {
  async function start(guarded: Guarded): Promise<{ port: number; webSockets: WebSocketServer }> {
    const webSockets = new WebSocketServer({ noServer: true });
    const upgrade = protectUpgrade(guarded, webSockets, { scopes: ['groups'] });
    webSockets.on('connection', (socket, request) => {
      const auth = upgrade.of(request);
      socket.send(JSON.stringify({ subject: auth.user.subject, same: request.auth === auth }));
      socket.on('message', (data: Buffer) => {
        socket.send(JSON.stringify(data.toString()));
      });
    });
    return { port: await serve(createServer().on('upgrade', upgrade)), webSockets };
  }

  it('knows who opened it', async () => {
    const { port } = await start(await tokenTable());
    expect(await messageOf(open(port, 'alice-token'))).toEqual({ subject: 'alice', same: true });
    expect(await statusOf(open(port))).toBe(401);
    expect(await statusOf(open(port, 'no-scope-token'))).toBe(403);
  });

  it('is one of many at a time, and nobody is mixed up (R11)', async () => {
    const { port } = await start(await tokenTable());
    const people = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'alice' : 'bob'));
    const subjects = await Promise.all(people.map((who) => messageOf(open(port, `${who}-token`))));
    expect(subjects).toEqual(people.map((subject) => ({ subject, same: true })));
  });

  it('may be nobody or a client, where the path says so (I10)', async () => {
    const { origin, close: stop } = await startWs(await tokenTable());
    cleanUp.push(stop);
    const port = Number(new URL(origin).port);
    const ask = async (path: string, token?: string): Promise<unknown> => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const socket = connect(port, '127.0.0.1');
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      socket.write([`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close', ...lines, '', ''].join('\r\n'));
      let text = '';
      for await (const chunk of socket) {
        text += (chunk as Buffer).toString('latin1');
        const json = /\{.*\}/.exec(text)?.[0];
        if (json !== undefined) return JSON.parse(json);
      }
      throw new Error('no message');
    };
    expect(await ask('/optional')).toEqual({ subject: null });
    expect(await ask('/client', 'robot-token')).toEqual({ client: 'robot', subject: null });
    expect(await ask('/client', 'alice-token')).toEqual({ client: null, subject: 'alice' });
  });

  it('gets what it sent together with the handshake', async () => {
    const { guarded, asked, go } = gated(await tokenTable());
    const { port } = await start(guarded);
    const socket = connect(port, '127.0.0.1');
    const lines = ['GET / HTTP/1.1', 'Host: a', ...HANDSHAKE, 'Authorization: Bearer alice-token', '', ''];
    // A text frame that says "hi", masked with zeros (RFC 6455 section 5.2).
    const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
    socket.write(Buffer.concat([Buffer.from(lines.join('\r\n')), frame]));
    await asked;
    // And once more while the authorization server is being asked.
    socket.write(frame);
    await setImmediate();
    go();
    let text = '';
    for await (const chunk of socket) {
      text += (chunk as Buffer).toString('latin1');
      if (text.split('"hi"').length === 3) break;
    }
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text.split('"hi"')).toHaveLength(3);
  });

  it('ends with 1011 when its handler throws, and the process lives (R9)', async () => {
    const { guarded, challenge } = watched(await tokenTable());
    const webSockets = new WebSocketServer({ noServer: true });
    webSockets.on('connection', () => {
      throw new Error('s3cr3t');
    });
    const port = await serve(createServer().on('upgrade', protectUpgrade(guarded, webSockets)));
    const [code, reason] = (await once(open(port, 'alice-token'), 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1011, '']);
    expect(challenge).toHaveBeenCalledOnce();
    expect(await statusOf(open(port))).toBe(401);
  });
});

describe('a refused handshake', () => {
  it('ends with the TCP connection closed, and all of the answer sent', async () => {
    const webSockets = new WebSocketServer({ noServer: true });
    const connected = vi.fn();
    webSockets.on('connection', connected);
    const port = await serve(createServer().on('upgrade', protectUpgrade(await tokenTable(), webSockets)));
    const socket = connect(port, '127.0.0.1');
    socket.write(['GET / HTTP/1.1', 'Host: a', ...HANDSHAKE, '', 'x'.repeat(1000)].join('\r\n'));
    let text = '';
    for await (const chunk of socket) text += (chunk as Buffer).toString('latin1');
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 401 Unauthorized',
      'www-authenticate: Bearer realm="api"',
      'cache-control: no-store',
      'content-type: application/problem+json',
      'connection: close',
      `content-length: ${String(body.length)}`,
    ]);
    expect(JSON.parse(body)).toMatchObject({ status: 401, error: 'unauthenticated' });
    expect(connected).not.toHaveBeenCalled();
  });

  it('ends also where the caller leaves its side open (X3)', async () => {
    const webSockets = new WebSocketServer({ noServer: true });
    const server = createServer().on('upgrade', protectUpgrade(await tokenTable(), webSockets));
    const requested = once(server, 'upgrade');
    const port = await serve(server);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    socket.write(['GET / HTTP/1.1', 'Host: a', ...HANDSHAKE, '', ''].join('\r\n'));
    const [, serverSide] = (await requested) as [unknown, Socket];
    await once(socket, 'end');
    await vi.waitFor(() => {
      expect(serverSide.destroyed).toBe(true);
    });
    socket.destroy();
  });

  it('leaves no admission behind', async () => {
    const webSockets = new WebSocketServer({ noServer: true });
    const upgrade = protectUpgrade(await tokenTable(), webSockets);
    const server = createServer().on('upgrade', upgrade);
    const requested = once(server, 'upgrade');
    const port = await serve(server);
    expect(await statusOf(open(port, 'dead-token'))).toBe(401);
    const [request] = (await requested) as Parameters<typeof upgrade>;
    expect(() => upgrade.of(request)).toThrow(TypeError);
    expect(request.auth).toBeUndefined();
  });

  it('is answered by 503 once the WebSocket server is closed', async () => {
    const webSockets = new WebSocketServer({ noServer: true });
    webSockets.close();
    const port = await serve(createServer().on('upgrade', protectUpgrade(await tokenTable(), webSockets)));
    expect(await statusOf(open(port, 'alice-token'))).toBe(503);
  });
});

describe('a caller who hangs up while the authorization server is asked', () => {
  it.each(['end', 'resetAndDestroy'] as const)(
    'with %s: no connection, and the process lives (X2)',
    async (how) => {
      const resourceServer = await tokenTable();
      const webSockets = new WebSocketServer({ noServer: true });
      const connected = vi.fn();
      webSockets.on('connection', connected);
      const { guarded, asked, go } = gated(resourceServer);
      const server = createServer().on('upgrade', protectUpgrade(guarded, webSockets));
      const requested = once(server, 'upgrade');
      const port = await serve(server);
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      const headers = [...HANDSHAKE, 'Authorization: Bearer alice-token'];
      socket.write(['GET / HTTP/1.1', 'Host: a', ...headers, '', ''].join('\r\n'));
      const [, serverSide] = (await requested) as [unknown, Socket];
      await asked;
      const gone = how === 'end' ? once(serverSide, 'end') : closed(serverSide);
      socket[how]();
      await gone;
      const write = vi.spyOn(serverSide, 'write');
      go();
      await closed(serverSide);
      await setImmediate();
      expect(write).not.toHaveBeenCalled();
      expect(connected).not.toHaveBeenCalled();
    },
  );

  it('gets no refusal either (X2)', async () => {
    const { guarded, asked, go } = gated(await tokenTable());
    const refused = vi.spyOn(guarded, 'challenge');
    const webSockets = new WebSocketServer({ noServer: true });
    const server = createServer().on('upgrade', protectUpgrade(guarded, webSockets));
    const requested = once(server, 'upgrade');
    const port = await serve(server);
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(['GET / HTTP/1.1', 'Host: a', ...HANDSHAKE, '', ''].join('\r\n'));
    const [, serverSide] = (await requested) as [unknown, Socket];
    await asked;
    socket.resetAndDestroy();
    await closed(serverSide);
    const end = vi.spyOn(serverSide, 'end');
    go();
    await vi.waitFor(() => {
      expect(refused).toHaveBeenCalled();
    });
    await setImmediate();
    expect(end).not.toHaveBeenCalled();
  });
});

describe('several listeners', () => {
  const at = (path: string): WebSocketServer => {
    const webSockets = new WebSocketServer({ noServer: true, path });
    webSockets.on('connection', (socket) => {
      socket.send(JSON.stringify(path));
    });
    return webSockets;
  };

  it('of guards: each path has its own, and 404 is the answer for a path of nobody (R8)', async () => {
    const resourceServer = await tokenTable();
    const server = createServer();
    server.on('upgrade', protectUpgrade(resourceServer, at('/a')));
    server.on('upgrade', protectUpgrade(resourceServer, at('/b'), { scopes: ['groups'] }));
    const port = await serve(server);
    expect(await messageOf(open(port, 'no-scope-token', '/a'))).toBe('/a');
    expect(await statusOf(open(port, 'no-scope-token', '/b'))).toBe(403);
    expect(await messageOf(open(port, 'alice-token', '/b?c=d'))).toBe('/b');
    expect(await statusOf(open(port, 'alice-token', '/c'))).toBe(404);
    expect(await statusOf(open(port, undefined, '/a/'))).toBe(404);
  });

  it('of others get the paths that are not ours', async () => {
    const server = createServer();
    const others = at('/theirs');
    server.on('upgrade', protectUpgrade(await tokenTable(), at('/ours')));
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/theirs') return;
      // Later, as if it had to ask somebody first.
      void setImmediate().then(() => {
        others.handleUpgrade(request, socket, head, (webSocket) => {
          others.emit('connection', webSocket);
        });
      });
    });
    server.on('upgrade', protectUpgrade(await tokenTable(), at('/ours-too')));
    const port = await serve(server);
    expect(await messageOf(open(port, undefined, '/theirs'))).toBe('/theirs');
    expect(await statusOf(open(port, undefined, '/ours'))).toBe(401);
    expect(await statusOf(open(port, undefined, '/ours-too'))).toBe(401);
  });

  it('for one path: the first guard decides alone', async () => {
    const resourceServer = await tokenTable();
    const server = createServer();
    server.on('upgrade', protectUpgrade(resourceServer, at('/a'), { scopes: ['groups'] }));
    server.on('upgrade', protectUpgrade(resourceServer, at('/a'), { optional: true }));
    const port = await serve(server);
    expect(await statusOf(open(port, undefined, '/a'))).toBe(401);
    expect(await messageOf(open(port, 'alice-token', '/a'))).toBe('/a');
  });

  it('one of which has accepted the connection already: ours is closed', async () => {
    const { guarded, challenge } = watched(await tokenTable());
    const webSockets = at('/');
    const connected = vi.fn();
    webSockets.on('connection', connected);
    const server = createServer();
    const unguarded = new WebSocketServer({ server });
    cleanUp.push(
      () =>
        new Promise((resolve) => {
          unguarded.close(resolve);
        }),
    );
    server.on('upgrade', protectUpgrade(guarded, webSockets));
    const port = await serve(server);
    const [code] = (await once(open(port, 'alice-token'), 'close')) as [number];
    expect(code).toBe(1006);
    expect(connected).not.toHaveBeenCalled();
    expect(challenge).toHaveBeenCalledOnce();
  });

  it('are not started where the WebSocket server accepts by itself (R10)', async () => {
    const resourceServer = await tokenTable();
    const server = createServer();
    const webSockets = new WebSocketServer({ server });
    expect(() => protectUpgrade(resourceServer, webSockets)).toThrow('noServer: true');
    webSockets.close();
  });
});

describe('when the token expires', () => {
  const NOW = Date.parse('2030-01-01T00:00:00Z');
  const IN_A_MINUTE = NOW / 1000 + 60;

  async function connectWith(token: number, options?: { closeAtExpiry: boolean }) {
    const resourceServer = await expiring();
    const webSockets = new WebSocketServer({ noServer: true });
    const upgrade = protectUpgrade(resourceServer, webSockets, {}, options);
    const port = await serve(createServer().on('upgrade', upgrade));
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: NOW });
    const timers = vi.spyOn(globalThis, 'setTimeout');
    const client = open(port, String(token));
    const [socket] = (await once(webSockets, 'connection')) as [WebSocket];
    return { client, socket, timers };
  }

  it('the connection is closed with 1008, and not before', async () => {
    const { client, socket } = await connectWith(IN_A_MINUTE);
    vi.advanceTimersByTime(59_999);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    vi.advanceTimersByTime(1);
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1008, 'invalid_token']);
  });

  it('nothing happens where the application wants it so', async () => {
    const { socket } = await connectWith(IN_A_MINUTE, { closeAtExpiry: false });
    vi.advanceTimersByTime(3_600_000);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('nothing happens where it does not expire', async () => {
    const { socket } = await connectWith(0);
    vi.advanceTimersByTime(3_600_000);
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('a month is waited for too, though no timer is that long', async () => {
    const month = 31 * 86_400_000;
    const { socket, timers } = await connectWith((NOW + month) / 1000);
    expect(Math.max(...timers.mock.calls.map(([, delay]) => delay ?? 0))).toBe(2 ** 31 - 1);
    vi.advanceTimersByTime(month - 1);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    vi.advanceTimersByTime(1);
    expect(socket.readyState).toBe(WebSocket.CLOSING);
  });

  it('a connection that ended before is left in peace (X3)', async () => {
    const { client, socket } = await connectWith(IN_A_MINUTE);
    const closing = vi.spyOn(socket, 'close');
    client.terminate();
    await once(socket, 'close');
    vi.advanceTimersByTime(60_000);
    expect(closing).not.toHaveBeenCalled();
  });

  it('no timer keeps the process alive (X1)', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    const resourceServer = await expiring();
    const webSockets = new WebSocketServer({ noServer: true });
    const port = await serve(createServer().on('upgrade', protectUpgrade(resourceServer, webSockets)));
    open(port, String(Math.floor(Date.now() / 1000) + 3600));
    await once(webSockets, 'connection');
    const ours = timers.mock.calls.findIndex(([, delay]) => (delay ?? 0) > 3_000_000);
    expect((timers.mock.results[ours]?.value as NodeJS.Timeout).hasRef()).toBe(false);
    timers.mockRestore();
  });
});

describe('types', () => {
  it('what the path requires decides what the connection gets', () => {
    const types = (resourceServer: ResourceServer<{ id: number }>, webSockets: WebSocketServer): void => {
      expectTypeOf(protectUpgrade(resourceServer, webSockets).of)
        .returns.toHaveProperty('user')
        .toEqualTypeOf<{
          id: number;
        }>();
      expectTypeOf(protectUpgrade(resourceServer, webSockets, { optional: true }).of)
        .returns.extract<undefined>()
        .toEqualTypeOf<undefined>();
      const visitor = protectUpgrade(resourceServer, webSockets, { optional: true });
      // @ts-expect-error -- an optional path may have nobody
      expectTypeOf(visitor.of({} as IncomingMessage).user).toBeObject();
    };
    expectTypeOf(types).toBeFunction();
  });
});
