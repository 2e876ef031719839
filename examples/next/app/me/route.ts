import { protect } from 'oidc-resource-server/fetch';
import { resourceServer } from '../../resource-server.ts';

export const GET = protect(resourceServer, { scopes: ['groups'] }, (_request, auth) =>
  Response.json(auth.user),
);
