// A backend of your own, chosen by name: no decorator, no constructor.
import type { AddressInfo } from 'node:net';
import express from 'express';
import {
  type AccessToken,
  type Claims,
  createResourceServer,
  IntrospectionResourceServerBackend,
  MemoryUserStore,
  type MemoryUser,
  registerBackend,
} from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

const users = new MemoryUserStore();

// #region backend
class SubBackend extends IntrospectionResourceServerBackend<MemoryUser> {
  /** People whom the user store does not know are added when they first come. */
  override async getOrCreateUser(claims: Claims, token: AccessToken): Promise<MemoryUser | undefined> {
    const known = await super.getOrCreateUser(claims, token);
    return known ?? users.create(this.settings.OIDC_OP_URL as string, claims.sub as string, { claims });
  }
}

registerBackend('SubBackend', SubBackend); // OIDC_RS_BACKEND_CLASS=SubBackend
// #endregion backend

export const resourceServer = await createResourceServer({ userStore: users });

const app = express();
app.use(resourceServerRouter(resourceServer));

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
