import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { endpoints as fetchEndpoints } from 'oidc-resource-server/fetch';
import { endpoints } from 'oidc-resource-server/node';
import { authenticated, createContext } from 'oidc-resource-server/trpc';
import { serveFetch } from './fetch-contract.ts';
import type { OwnWays, StartApplication } from './framework-contract.ts';
import { close, listen } from './ws-contract.ts';

/** A router whose procedures are the routes of the framework contract. */
export function contractRouter(
  resourceServer: Pick<ResourceServer<ClaimsUser>, 'authenticate' | 'challenge'>,
) {
  const t = initTRPC.context<typeof createContext>().create();
  const member = t.procedure.use(authenticated(resourceServer, { scopes: ['groups'] }));
  const visitor = t.procedure.use(authenticated(resourceServer, { optional: true }));
  const caller = t.procedure.use(authenticated(resourceServer, { clients: true }));
  const anybody = t.procedure.use(authenticated(resourceServer));
  return t.router({
    open: t.procedure.query(() => 'open'),
    me: member.query(({ ctx }) => ({ subject: ctx.auth.user.subject })),
    optional: visitor.query(({ ctx }) => ({ subject: ctx.auth?.user.subject ?? null })),
    client: caller.query(({ ctx }) => ({
      client: ctx.auth.client ?? null,
      subject: ctx.auth.user?.subject ?? null,
    })),
    all: anybody.query(({ ctx }) => ({ subject: ctx.auth.user.subject })),
    // Another middleware, with requirements that are equal: `authenticated` is called once more.
    again: t.procedure
      .use(authenticated(resourceServer, { scopes: ['groups'] }))
      .query(({ ctx }) => ({ subject: ctx.auth.user.subject })),
    ticks: member.subscription(async function* ({ ctx }) {
      yield await Promise.resolve(ctx.auth.user.subject);
    }),
    api: t.router({ inside: anybody.query(({ ctx }) => ({ subject: ctx.auth.user.subject })) }),
  });
}

export const TRPC_WAYS: OwnWays = {
  errorCode: (body) => (JSON.parse(body) as { error: { message: string } }).error.message,
  answer: (body) => (JSON.parse(body) as { result: { data: unknown } }).result.data,
  without: [
    // tRPC itself answers HEAD by 204, whatever the path, and other methods than a procedure's own by 405: both before
    // there is a context.
    'head',
    'methods',
    // CORS stands in front of tRPC's handler.
    'preflights',
    // `responseMeta` of the application says what may be cached.
    'caching',
    // tRPC sends the message of any error of a procedure to the caller: what it may say is the application's.
    'handler errors',
  ],
};

/** tRPC names a nested procedure with a dot. */
function procedureUrl(url = ''): string {
  return url.replace(/^\/api\/inside/, '/api.inside');
}

/** The application of the framework contract, on tRPC's handler for node:http. */
export const startTrpc: StartApplication = async (resourceServer) => {
  const published = endpoints(resourceServer);
  const trpc = createHTTPHandler({ router: contractRouter(resourceServer), createContext });
  const server = createServer((request, response) => {
    published(request, response, () => {
      request.url = procedureUrl(request.url);
      trpc(request, response);
    });
  });
  const port = await listen(server);
  return { origin: `http://127.0.0.1:${String(port)}`, close: () => close(server) };
};

/** The same on tRPC's handler for the Fetch API. */
export const startTrpcFetch: StartApplication = (resourceServer) => {
  const published = fetchEndpoints(resourceServer);
  const router = contractRouter(resourceServer);
  return serveFetch((request) => {
    const { origin } = new URL(request.url);
    const url = origin + procedureUrl(request.url.slice(origin.length));
    return (
      published(request) ??
      fetchRequestHandler({ endpoint: '/', req: new Request(url, request), router, createContext })
    );
  });
};
