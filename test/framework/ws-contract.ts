import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { protectUpgrade } from 'oidc-resource-server/ws';
import { WebSocketServer } from 'ws';
import type { StartApplication } from './framework-contract.ts';

/** What the handshake of a WebSocket adds to a request (RFC 6455 section 4.1). */
export const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Starts listening on a free port of 127.0.0.1, and resolves with the port. */
export async function listen(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Closes a server, and the connections that it still has. */
export async function close(server: Server | TcpServer, sockets: Iterable<Duplex> = []): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

/**
 * The application of the framework contract: one WebSocket server a path, each with its guard, all at one HTTP server.
 *
 * The suite sends plain requests. In front stands a relay that makes handshakes of them: it puts the headers of a handshake
 * in the place of `Connection: close`, and passes on all other bytes as they are.
 */
export const startWs: StartApplication = async (resourceServer) => {
  const server = createServer((_request, response) => {
    response.writeHead(426).end();
  });
  const at = (path: string): WebSocketServer => new WebSocketServer({ noServer: true, path });

  const members = at('/me');
  const member = protectUpgrade(resourceServer, members, { scopes: ['groups'] });
  members.on('connection', (socket, request) => {
    socket.send(JSON.stringify({ subject: member.of(request).user.subject }));
  });
  const visitors = at('/optional');
  const visitor = protectUpgrade(resourceServer, visitors, { optional: true });
  visitors.on('connection', (socket, request) => {
    socket.send(JSON.stringify({ subject: visitor.of(request)?.user.subject ?? null }));
  });
  const callers = at('/client');
  const caller = protectUpgrade(resourceServer, callers, { clients: true });
  callers.on('connection', (socket, request) => {
    const { client, user } = caller.of(request);
    socket.send(JSON.stringify({ client: client ?? null, subject: user?.subject ?? null }));
  });
  const everybody = at('/all');
  server.on('upgrade', member).on('upgrade', visitor).on('upgrade', caller);
  server.on('upgrade', protectUpgrade(resourceServer, everybody));
  const port = await listen(server);

  const sockets = new Set<Duplex>();
  const relay = createTcpServer((from) => {
    const to = connect(port, '127.0.0.1');
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    from.once('data', (chunk: Buffer) => {
      to.write(chunk.toString('latin1').replace('Connection: close', HANDSHAKE.join('\r\n')), 'latin1');
      from.pipe(to);
    });
    to.pipe(from);
  });
  const relayPort = await listen(relay);
  return {
    origin: `http://127.0.0.1:${String(relayPort)}`,
    close: async () => {
      await close(relay, sockets);
      await close(server);
    },
  };
};
