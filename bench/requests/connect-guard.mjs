// What guards that are written by hand share: the token out of the header, and a status instead of a challenge.
import { ALLOWED_CLIENT, SCOPE, USERS } from './scenario.mjs';

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** The token of a request; `undefined` where there is none. */
export function tokenOf(request) {
  return BEARER.exec(request.headers.authorization ?? '')?.[1];
}

/** The users, by subject. */
export function usersBySubject() {
  return new Map(Array.from({ length: USERS }, (_, i) => [`user-${i}`, { name: `User ${i}`, active: true }]));
}

/** The fewest checks of claims that are still right for this one authorization server; 200 sets `request.user`. */
export function decide(request, claims, { issuer, users }) {
  if (claims.active !== true || claims.iss !== issuer || claims.token_type !== 'Bearer') return 401;
  if (!(claims.exp > Date.now() / 1000)) return 401;
  if (claims.client_id !== ALLOWED_CLIENT || claims.cnf !== undefined) return 401;
  if (!claims.scope.split(' ').includes(SCOPE)) return 403;
  const user = users.get(claims.sub);
  if (user?.active !== true) return 401;
  request.user = user;
  return 200;
}

/** A guard of Connect's shape, of a function that answers with a status, at once or by a promise. */
export function connectGuard(statusOf) {
  const settle = (response, next, status) => {
    if (status === 200) return next();
    response.statusCode = status;
    response.setHeader('www-authenticate', 'Bearer');
    response.end();
  };
  const guard = (request, response, next) => {
    const status = statusOf(request);
    if (typeof status === 'number') return settle(response, next, status);
    status.then(
      (decided) => settle(response, next, decided),
      () => settle(response, next, 503),
    );
  };
  return { guard, userOf: (request) => request.user };
}
