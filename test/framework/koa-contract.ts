import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import { authenticate, endpoints } from 'oidc-resource-server/koa';
import type { StartApplication } from './framework-contract.ts';

/** The application of the framework contract, on Koa with @koa/router. */
export const startKoa: StartApplication = async (resourceServer) => {
  const app = new Koa();
  // What an application does with errors of its own handlers is its own; this one says nothing.
  app.silent = true;
  app.use(endpoints(resourceServer));

  const router = new Router();
  const member = authenticate(resourceServer, { scopes: ['groups'] });
  router.get('/me', member, (ctx) => {
    ctx.body = { subject: member.of(ctx).user.subject };
  });
  const visitor = authenticate(resourceServer, { optional: true });
  router.get('/optional', visitor, (ctx) => {
    ctx.body = { subject: visitor.of(ctx)?.user.subject ?? null };
  });
  const caller = authenticate(resourceServer, { clients: true });
  router.get('/client', caller, (ctx) => {
    const { client, user } = caller.of(ctx);
    ctx.body = { client: client ?? null, subject: user?.subject ?? null };
  });
  const anybody = authenticate(resourceServer);
  router.get('/cached', anybody, (ctx) => {
    ctx.set('cache-control', 'max-age=60');
    ctx.body = {};
  });
  router.get('/throws', anybody, () => {
    throw new Error('s3cr3t');
  });
  router.get('/rejects', anybody, () => Promise.reject(new Error('s3cr3t')));
  app.use(router.routes());
  // Nothing is published while it is switched off, which is for Koa to say, and not for the guard of everything else.
  app.use((ctx, next) => (ctx.path === '/jwks' ? undefined : next()));

  app.use(anybody);
  app.use((ctx, next) => {
    if (ctx.path !== '/all') return next();
    ctx.body = { subject: anybody.of(ctx).user.subject };
  });
  const api = new Router({ prefix: '/api' });
  api.get('/inside', (ctx) => {
    ctx.body = { subject: anybody.of(ctx).user.subject };
  });
  app.use(api.routes());

  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
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
