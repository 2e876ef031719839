// The same API on this package. A subclass makes scopes of Keycloak's realm roles, so that routes can ask for them.
import type { AddressInfo } from 'node:net';
import express from 'express';
import {
  type AccessToken,
  type Claims,
  type ClaimsUser,
  createResourceServer,
  IntrospectionResourceServerBackend,
} from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/express';

// #region backend
const ROLE = 'realm:';

class RealmRolesBackend extends IntrospectionResourceServerBackend<ClaimsUser> {
  /** Adds a scope `realm:…` for each realm role. A scope that was named so by somebody else is left out. */
  protected override async introspect(token: AccessToken): Promise<Claims> {
    const claims = await super.introspect(token);
    const scopes = typeof claims.scope === 'string' ? claims.scope.split(' ') : [];
    const granted = scopes.filter((scope) => !scope.startsWith(ROLE));
    const roles = realmRoles(claims).map((role) => ROLE + role);
    return { ...claims, scope: [...granted, ...roles].join(' ') };
  }
}

function realmRoles(claims: Claims): string[] {
  const { roles } = (claims.realm_access ?? {}) as { readonly roles?: unknown };
  // A blank in the name of a role would make two scopes of it.
  return Array.isArray(roles)
    ? roles.filter((role): role is string => typeof role === 'string' && /^\S+$/.test(role))
    : [];
}
// #endregion backend

export const resourceServer = await createResourceServer({ backend: RealmRolesBackend });

const app = express();

app.get('/public', (_request, response) => {
  response.json({ open: true });
});

// #region routes
const member = authenticate(resourceServer, { scopes: ['realm:groups'] });
app.get('/me', member, (request, response) => {
  const { subject } = member.of(request).user;
  response.json({ subject });
});

app.post('/notes', member, (request, response) => {
  const { subject } = member.of(request).user;
  response.status(201).json({ subject });
});

const visitor = authenticate(resourceServer, { optional: true });
app.get('/greeting', visitor, (request, response) => {
  const user = visitor.of(request)?.user;
  response.json({ user: user ? { subject: user.subject } : null });
});
// #endregion routes

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
