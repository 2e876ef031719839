import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { nodeBody } from '../../framework/node-body.ts';
import { resourceRequest, sendAnswer } from '../../framework/node-request.ts';
import { UsageError } from '../exit-code.ts';
import type { AnswerRequest } from './answerer.ts';
import type { JsonLog } from './json-log.ts';

/** What a server needs to listen. */
export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly answer: AnswerRequest;
  readonly log: JsonLog;
}

/** A server that listens. */
export interface HttpServer {
  readonly url: string;
  /**
   * Takes no new connections, lets requests in flight finish, and resolves with whether all of them have.
   *
   * @param cut When it resolves, whatever is still there is cut off.
   */
  drain(cut: Promise<unknown>): Promise<boolean>;
}

// Nobody needs what a caller sends behind a question about a token; a proxy that sends it all the same may send this much.
const MAX_BODY_BYTES = 1024 * 1024;

// Longer than proxies keep an idle connection (Caddy: 2 minutes), so that it is never closed under a question.
const KEEP_ALIVE_MS = 130_000;

/**
 * Listens, answers, and writes one line a request.
 *
 * @throws UsageError when it cannot listen there
 */
export async function startHttpServer({ host, port, answer, log }: HttpServerOptions): Promise<HttpServer> {
  let draining = false;
  const sockets = new Set<Socket>();
  const server = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
  });

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedAt = performance.now();
    limitBody(request);
    const answering = answer(resourceRequest(request), draining, nodeBody(request));
    const { answer: given, route, log: more } = await answering;
    // A kept connection would keep the process.
    if (draining && !response.headersSent) response.setHeader('connection', 'close');
    const hungUp = response.destroyed;
    sendAnswer(response, given);
    log.write(given.status < 500 ? 'info' : 'warn', {
      event: 'request',
      method: request.method,
      route,
      status: given.status,
      ...more,
      ...(hungUp && { hung_up: true }),
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
  };
  server.on('request', (request, response) => {
    serve(request, response).catch((error: unknown) => {
      // Not the message: nobody foresaw it, so it may hold anything. Without an answer the proxy lets nobody in.
      log.error(
        { event: 'request.failed', error: error instanceof Error ? error.name : typeof error },
        'A request was cut off.',
      );
      response.destroy();
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server, host, port);

  return {
    url: urlOf(server, host),
    drain: async (cut) => {
      draining = true;
      const closed = new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
      // Opened in advance, and never used: Node does not count them among the idle ones.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      const finished = await Promise.race([closed.then(() => true), cut.then(() => false)]);
      server.closeAllConnections();
      await closed;
      return finished;
    },
  };
}

function limitBody(request: IncomingMessage): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length === '0' && encoding === undefined) return;
  let read = 0;
  request.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read > MAX_BODY_BYTES) request.destroy();
  });
  // A caller that hangs up in the middle of a body.
  request.on('error', () => undefined);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new UsageError(problemOf(error.code, host, port)));
    });
    server.listen({ host, port }, resolve);
  });
}

function problemOf(code = 'an error', host: string, port: number): string {
  const where = `--host ${host} --port ${String(port)}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${where}: another program listens there; choose another --port.`;
    case 'EACCES':
      return `${where}: this user may not listen there; choose a --port above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: this machine has no such address; --host 0.0.0.0 listens on all of them.`;
    default:
      return `${where}: it cannot listen there (${code}).`;
  }
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
