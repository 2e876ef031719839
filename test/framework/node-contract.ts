import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { authenticate, endpoints } from 'oidc-resource-server/node';
import type { StartApplication } from './framework-contract.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

function json(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}

function routes(resourceServer: ResourceServer<ClaimsUser>): Record<string, Handler> {
  const member = authenticate(resourceServer, { scopes: ['groups'] });
  const visitor = authenticate(resourceServer, { optional: true });
  const caller = authenticate(resourceServer, { clients: true });
  const anybody = authenticate(resourceServer);
  const subject: Handler = (request, response) => {
    json(response, { subject: anybody.of(request).user.subject });
  };
  return {
    '/me': (request, response) => {
      member(request, response, () => {
        json(response, { subject: member.of(request).user.subject });
      });
    },
    '/optional': (request, response) => {
      visitor(request, response, () => {
        json(response, { subject: visitor.of(request)?.user.subject ?? null });
      });
    },
    '/client': (request, response) => {
      caller(request, response, () => {
        const { client, user } = caller.of(request);
        json(response, { client: client ?? null, subject: user?.subject ?? null });
      });
    },
    '/all': (request, response) => {
      anybody(request, response, () => subject(request, response));
    },
    '/cached': (request, response) => {
      anybody(request, response, () => {
        response.setHeader('cache-control', 'max-age=60');
        subject(request, response);
      });
    },
    '/throws': (request, response) => {
      anybody(request, response, () => {
        throw new Error('s3cr3t');
      });
    },
    '/rejects': (request, response) => {
      anybody(request, response, () => Promise.reject(new Error('s3cr3t')));
    },
    '/api/inside': (request, response) => {
      anybody(request, response, () => subject(request, response));
    },
  };
}

/** The application of the framework contract, on node:http alone. */
export const startNode: StartApplication = async (resourceServer) => {
  const published = endpoints(resourceServer);
  const handlers = routes(resourceServer);
  const server = createServer((request, response) => {
    published(request, response, () => {
      const handler = handlers[(request.url ?? '').split('?', 1)[0] ?? ''];
      if (handler === undefined) response.writeHead(404).end();
      else handler(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      ),
  };
};
