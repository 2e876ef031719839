// An API on express-oauth2-jwt-bearer. It verifies JWT access tokens by itself, with the keys of the issuer.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { auth, type AuthResult, requiredScopes } from 'express-oauth2-jwt-bearer';

const app = express();

app.get('/public', (_request, response) => {
  response.json({ open: true });
});

// #region routes
const options = {
  issuerBaseURL: process.env.ISSUER_BASE_URL ?? '',
  audience: process.env.AUDIENCE ?? '',
};

// Where both packages are installed, the types of both want `request.auth`.
const subjectOf = (request: { readonly auth?: unknown }): string | undefined =>
  (request.auth as AuthResult | undefined)?.payload.sub;

app.get('/me', auth(options), requiredScopes('groups'), (request, response) => {
  response.json({ subject: subjectOf(request) });
});

app.post('/notes', express.urlencoded(), auth(options), requiredScopes('groups'), (request, response) => {
  response.status(201).json({ subject: subjectOf(request) });
});

app.get('/greeting', auth({ ...options, authRequired: false }), (request, response) => {
  const subject = subjectOf(request);
  response.json({ user: subject === undefined ? null : { subject } });
});
// #endregion routes

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
