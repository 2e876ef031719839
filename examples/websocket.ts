// The same API over a WebSocket: the handshake is authenticated, and the first message says who is there.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer } from 'oidc-resource-server';
import { endpoints } from 'oidc-resource-server/node';
import { protectUpgrade } from 'oidc-resource-server/ws';
import { WebSocketServer } from 'ws';

export const resourceServer = await createResourceServer();

const published = endpoints(resourceServer);
export const server = createServer((request, response) => {
  published(request, response, () => {
    response.writeHead(404).end();
  });
});

// #region upgrade
const webSockets = new WebSocketServer({ noServer: true, path: '/me' });
const upgrade = protectUpgrade(resourceServer, webSockets, { scopes: ['groups'] });
server.on('upgrade', upgrade);

webSockets.on('connection', (socket, request) => {
  socket.on('error', () => {
    socket.terminate();
  });
  socket.send(JSON.stringify(upgrade.of(request).user));
});
// #endregion upgrade

server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
