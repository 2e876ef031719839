// The same API on node:http alone.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, endpoints } from 'oidc-resource-server/node';

export const resourceServer = await createResourceServer();

const published = endpoints(resourceServer);
const member = authenticate(resourceServer, { scopes: ['groups'] });

export const server = createServer((request, response) => {
  published(request, response, () => {
    if (request.url !== '/me') {
      response.writeHead(404).end();
      return;
    }
    member(request, response, () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(member.of(request).user));
    });
  });
});
server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
