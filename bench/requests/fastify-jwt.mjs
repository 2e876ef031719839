// @fastify/jwt as its manual says, with the token cache of fast-jwt, and room for every token in it. What it does not
// decide (client, scope, user) is in the hook.
import jwt from '@fastify/jwt';
import { createPublicKey } from 'node:crypto';
import { usersBySubject } from './connect-guard.mjs';
import { ALLOWED_CLIENT, CACHE, CLIENT, SCOPE } from './scenario.mjs';

export async function guardOf(_mode, { url }) {
  const users = usersBySubject();
  const jwks = await (await fetch(`${url}/jwks`)).json();
  const key = createPublicKey({ key: jwks.keys[0], format: 'jwk' });
  const verify = {
    algorithms: ['ES256'],
    allowedIss: url,
    allowedAud: CLIENT.id,
    checkTyp: 'at+jwt',
    requiredClaims: ['exp', 'sub'],
    cache: CACHE.entries,
    cacheTTL: CACHE.seconds * 1000,
  };
  const register = (app) =>
    app.register(jwt, { secret: { public: key.export({ type: 'spki', format: 'pem' }) }, verify });

  const guard = async (request, reply) => {
    let claims;
    try {
      claims = await request.jwtVerify();
    } catch {
      // It has no status of its own for a token of another type.
      return reply.code(401).send();
    }
    if (claims.client_id !== ALLOWED_CLIENT || claims.cnf !== undefined) return reply.code(401).send();
    if (!claims.scope.split(' ').includes(SCOPE)) return reply.code(403).send();
    const user = users.get(claims.sub);
    if (user?.active !== true) return reply.code(401).send();
    request.user = user;
  };
  return { guard, userOf: (request) => request.user, isNative: true, register };
}
