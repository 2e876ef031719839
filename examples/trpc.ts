// The same API with tRPC, on its handler for node:http.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createResourceServer } from 'oidc-resource-server';
import { endpoints } from 'oidc-resource-server/node';
import { authenticated, createContext } from 'oidc-resource-server/trpc';

export const resourceServer = await createResourceServer();

// #region trpc
const t = initTRPC.context<typeof createContext>().create();

const member = t.procedure.use(authenticated(resourceServer, { scopes: ['groups'] }));
const visitor = t.procedure.use(authenticated(resourceServer, { optional: true }));

const appRouter = t.router({
  me: member.query(({ ctx }) => ctx.auth.user),
  hello: visitor.query(({ ctx }) => `Hello, ${ctx.auth?.user.subject ?? 'stranger'}`),
});
export type AppRouter = typeof appRouter;

const trpc = createHTTPHandler({ router: appRouter, createContext, basePath: '/trpc/' });
// #endregion trpc

const published = endpoints(resourceServer);
export const server = createServer((request, response) => {
  published(request, response, () => {
    trpc(request, response);
  });
});
server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
