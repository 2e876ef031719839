// The API that the tests are about. It is given its resource server, so that a test can hand over another.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { ResourceServer } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/express';

// #region api
export interface Person {
  readonly subject: string;
}

export async function startApi(resourceServer: ResourceServer<Person>) {
  const app = express();
  const member = authenticate(resourceServer, { scopes: ['groups'] });
  app.get('/me', member, (request, response) => {
    response.json({ subject: member.of(request).user.subject });
  });

  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await resourceServer.close();
    },
  };
}
// #endregion api
