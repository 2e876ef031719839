// An API on keycloak-connect, bearer-only. It verifies Keycloak's JWT access tokens by itself and decides by roles.
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import Keycloak from 'keycloak-connect';

/** What the package puts on a request and leaves out of its types. */
interface WithGrant {
  readonly kauth?: {
    readonly grant?: { readonly access_token: { readonly content: { readonly sub: string } } };
  };
}
const subjectOf = (request: Request & WithGrant): string | undefined =>
  request.kauth?.grant?.access_token.content.sub;

const app = express();

app.get('/public', (_request, response) => {
  response.json({ open: true });
});

// #region routes
const keycloak = new Keycloak(
  {},
  {
    realm: 'demo',
    'auth-server-url': process.env.KEYCLOAK_URL ?? 'http://localhost:8080',
    resource: 'my-api',
    'bearer-only': true,
    'ssl-required': 'external',
    'confidential-port': 0,
  },
);

app.use(keycloak.middleware());

app.get('/me', keycloak.protect('realm:groups'), (request, response) => {
  response.json({ subject: subjectOf(request) });
});

app.post('/notes', keycloak.protect('realm:groups'), (request, response) => {
  response.status(201).json({ subject: subjectOf(request) });
});

// Without protect(): whoever sends a good token is known, everybody else is nobody.
app.get('/greeting', (request, response) => {
  const subject = subjectOf(request);
  response.json({ user: subject === undefined ? null : { subject } });
});
// #endregion routes

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
