// Two APIs in one process, each with settings of its own: they share nothing.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

// #region two
export const documents = await createResourceServer({ settings: { OIDC_RS_SCOPES: ['documents'] } });
export const groups = await createResourceServer({
  settings: { OIDC_RS_SCOPES: ['groups'], OIDC_RS_REALM: 'groups' },
});

const app = express();
app.use('/documents', resourceServerRouter(documents));
app.use('/groups', resourceServerRouter(groups));
app.get('/documents/mine', authenticate(documents), (_request, response) => {
  response.json(['minutes.odt']);
});
app.get('/groups/mine', authenticate(groups), (_request, response) => {
  response.json(['pharmacy']);
});
// #endregion two

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
