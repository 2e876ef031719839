// express-oauth2-jwt-bearer as its manual says. It verifies each token anew; only keys are cached. What it does not decide
// (client, user) is in a middleware of its own.
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { usersBySubject } from './connect-guard.mjs';
import { ALLOWED_CLIENT, CLIENT, SCOPE } from './scenario.mjs';

export function guardOf(_mode, { url }) {
  const users = usersBySubject();
  const bearer = auth({
    issuer: url,
    jwksUri: `${url}/jwks`,
    audience: CLIENT.id,
    tokenSigningAlg: 'ES256',
    strict: true,
  });
  // Express would print what it refuses: it is told the status alone.
  const quiet = (middleware) => (request, response, next) => {
    middleware(request, response, (error) => {
      if (error === undefined || error === null) return next();
      response.status(error.status ?? 500).end();
    });
  };
  const known = (request, response, next) => {
    const { payload } = request.auth;
    const user = users.get(payload.sub);
    if (payload.client_id !== ALLOWED_CLIENT || payload.cnf !== undefined || user?.active !== true) {
      return response.status(401).end();
    }
    request.user = user;
    next();
  };
  return { guard: [quiet(bearer), quiet(requiredScopes(SCOPE)), known], userOf: (request) => request.user };
}
