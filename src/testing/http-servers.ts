import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The first line of an answer, for `raw`. */
export const OK = 'HTTP/1.1 200 OK\r\n';

/** A server on a free port of 127.0.0.1. */
export interface TestServer {
  /** `host:port`. */
  readonly host: string;
  /** The connections it has had, in order. */
  readonly sockets: readonly Socket[];
}

/** Starts a server, hands it to `use`, and closes it with all its connections. */
export async function withServer(server: Server, use: (server: TestServer) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use({ host: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** An HTTP server. */
export const http = (listener: RequestListener): Server => createServer(listener);

/** An HTTPS server. */
export const https = (options: ServerOptions, listener: RequestListener): Server =>
  createTlsServer(options, listener);

/** A server that does what it likes, once per request head on a connection; `nth` counts them from 1. */
export function raw(onRequest: (socket: Socket, nth: number) => void): Server {
  return createTcpServer((socket) => {
    let nth = 0;
    let head = '';
    socket.setNoDelay(true);
    socket.on('data', (data) => {
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      head = '';
      onRequest(socket, ++nth);
    });
  });
}

/** A server of another protocol, or of none. */
export const tcp = (onConnection: (socket: Socket) => void): Server => createTcpServer(onConnection);

/** A server that accepts connections and says nothing. */
export const silent = (): Server => createTcpServer((socket) => socket.resume());

/** The body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Waits until something is so. @throws after a second */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let waited = 0; waited < 1000; waited += 5) {
    if (isSo()) return;
    await sleep(5);
  }
  assert.fail(`Not within a second: ${what}`);
}

/** Waits until the connection that brought the first request is closed. */
export const untilFirstClosed = (server: TestServer): Promise<void> =>
  until(() => server.sockets[0]?.closed === true, 'the first connection is closed');
