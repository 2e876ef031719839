// passport with passport-http-bearer takes the token out of the request, oauth4webapi asks the authorization server. What
// neither of them decides (active, expiry, client, scope, user) is in the callback, as their manuals say.
import { createPrivateKey } from 'node:crypto';
import { TextDecoder } from 'node:util';
import { compactDecrypt } from 'jose';
import * as oauth from 'oauth4webapi';
import passport from 'passport';
import { Strategy } from 'passport-http-bearer';
import { usersBySubject } from './connect-guard.mjs';
import { ALLOWED_CLIENT, CLIENT, SCOPE } from './scenario.mjs';

const decoder = new TextDecoder();

export async function guardOf(mode, { url, pem }) {
  const users = usersBySubject();
  const server = { issuer: url, introspection_endpoint: `${url}/introspect`, jwks_uri: `${url}/jwks` };
  const client = {
    client_id: CLIENT.id,
    ...(mode === 'jwt' && { introspection_signed_response_alg: 'ES256' }),
  };
  const authentication = oauth.ClientSecretBasic(CLIENT.secret);
  const key = createPrivateKey(pem);
  const insecure = { [oauth.allowInsecureRequests]: true };
  const options = { ...insecure, additionalParameters: { token_type_hint: 'access_token' } };
  const decryption = {
    [oauth.jweDecrypt]: async (jwe) => {
      const algorithms = { keyManagementAlgorithms: ['RSA-OAEP'], contentEncryptionAlgorithms: ['A256GCM'] };
      return decoder.decode((await compactDecrypt(jwe, key, algorithms)).plaintext);
    },
  };

  async function introspect(token) {
    const response = await oauth.introspectionRequest(server, client, authentication, token, options);
    const claims = await oauth.processIntrospectionResponse(server, client, response, decryption);
    if (mode === 'jwt') await oauth.validateApplicationLevelSignature(server, response, insecure);
    return claims;
  }

  async function verify(token) {
    const claims = await introspect(token);
    const now = Date.now() / 1000;
    if (!claims.active || claims.iss !== url || !(claims.exp > now) || claims.token_type !== 'Bearer')
      return [false];
    if (claims.client_id !== ALLOWED_CLIENT || claims.cnf !== undefined) return [false];
    const user = users.get(claims.sub);
    return user?.active === true ? [user, claims] : [false];
  }

  passport.use(
    new Strategy((token, done) => {
      verify(token).then(
        (found) => done(null, ...found),
        (error) => done(error),
      );
    }),
  );
  const bearer = passport.authenticate('bearer', { session: false });
  const guard = (request, response, next) => {
    bearer(request, response, (error) => {
      const isFailure = error !== undefined && error !== null;
      if (!isFailure && request.authInfo.scope.split(' ').includes(SCOPE)) return next();
      response.statusCode = isFailure ? 503 : 403;
      response.end();
    });
  };
  return { guard, userOf: (request) => request.user };
}
