// The same API on Koa.
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, endpoints } from 'oidc-resource-server/koa';

export const resourceServer = await createResourceServer();

const app = new Koa();
app.use(endpoints(resourceServer)); // GET /jwks, open to everybody

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.use(member); // Everything from here on is guarded, whether anybody thought of it or not.

const router = new Router();
router.get('/me', (ctx) => {
  ctx.body = member.of(ctx).user;
});
app.use(router.routes());

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
