import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { endpoints, protect } from 'oidc-resource-server/fetch';
import type { StartApplication } from './framework-contract.ts';

type Handler = (request: Request) => Promise<Response>;

function routes(resourceServer: ResourceServer<ClaimsUser>): Record<string, Handler> {
  const subject = protect(resourceServer, {}, (_request, { user }) =>
    Response.json({ subject: user.subject }),
  );
  return {
    '/me': protect(resourceServer, { scopes: ['groups'] }, (_request, { user }) =>
      Response.json({ subject: user.subject }),
    ),
    '/optional': protect(resourceServer, { optional: true }, (_request, auth) =>
      Response.json({ subject: auth?.user.subject ?? null }),
    ),
    '/client': protect(resourceServer, { clients: true }, (_request, { client, user }) =>
      Response.json({ client: client ?? null, subject: user?.subject ?? null }),
    ),
    '/all': subject,
    '/cached': protect(resourceServer, {}, () =>
      Response.json({}, { headers: { 'Cache-Control': 'max-age=60' } }),
    ),
    '/throws': protect(resourceServer, {}, () => {
      throw new Error('s3cr3t');
    }),
    '/rejects': protect(resourceServer, {}, () => Promise.reject(new Error('s3cr3t'))),
    '/api/inside': subject,
  };
}

/** Serves a function of the Fetch API over HTTP. */
export async function serveFetch(
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<{ origin: string; close(): Promise<void> }> {
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  return {
    origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      ),
  };
}

/** The application of the framework contract, as one function from Request to Response. */
export const startFetch: StartApplication = (resourceServer) => {
  const published = endpoints(resourceServer);
  const handlers = routes(resourceServer);
  return serveFetch(async (request) => {
    const handler = handlers[new URL(request.url).pathname];
    if (handler === undefined) return published(request) ?? new Response(null, { status: 404 });
    // What the host does with errors of handlers is its own; this one says nothing.
    return handler(request).catch(() => new Response(null, { status: 500 }));
  });
};
