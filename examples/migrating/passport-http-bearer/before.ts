// An API on passport-http-bearer. Its verify callback asks the authorization server about each token.
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import * as oauth from 'oauth4webapi';
import passport from 'passport';
import { Strategy, type VerifyFunction } from 'passport-http-bearer';

// #region strategy
const {
  OIDC_OP_URL: issuer = '',
  OIDC_OP_INTROSPECTION_ENDPOINT: endpoint = '',
  OIDC_RS_CLIENT_ID: id = '',
  OIDC_RS_CLIENT_SECRET: secret = '',
} = process.env;
const as: oauth.AuthorizationServer = { issuer, introspection_endpoint: endpoint };
const client: oauth.Client = { client_id: id };
// Plain http, for a server on this machine.
// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out
const options = { [oauth.allowInsecureRequests]: endpoint.startsWith('http:') };

async function introspect(token: string): Promise<oauth.IntrospectionResponse> {
  const response = await oauth.introspectionRequest(
    as,
    client,
    oauth.ClientSecretBasic(secret),
    token,
    options,
  );
  return oauth.processIntrospectionResponse(as, client, response);
}

const verify: VerifyFunction = (token, done) => {
  introspect(token).then(({ active, sub, scope = '' }) => {
    if (!active || sub === undefined) done(null, false);
    else done(null, { subject: sub }, { scope: scope.split(' ') });
  }, done);
};
passport.use(new Strategy({ realm: 'api' }, verify));

function requireScope(scope: string): RequestHandler {
  return (request, response, next) => {
    const { scope: granted = [] } = request.authInfo as { scope?: string[] };
    if (granted.includes(scope)) next();
    else response.sendStatus(403);
  };
}
// #endregion strategy

const app = express();

app.get('/public', (_request, response) => {
  response.json({ open: true });
});

// #region routes
const bearer = passport.authenticate('bearer', { session: false }) as RequestHandler;

app.get('/me', bearer, requireScope('groups'), (request, response) => {
  response.json(request.user);
});

app.post('/notes', express.urlencoded(), bearer, requireScope('groups'), (request, response) => {
  response.status(201).json(request.user);
});

const optional: RequestHandler = (request, response, next) => {
  const done = (error: unknown, user: Express.User | false | undefined): void => {
    if (user) request.user = user;
    next(error);
  };
  (passport.authenticate('bearer', { session: false }, done) as RequestHandler)(request, response, next);
};
app.get('/greeting', optional, (request, response) => {
  response.json({ user: request.user ?? null });
});
// #endregion routes

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
