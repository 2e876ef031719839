// openid-client asks the authorization server: it can decrypt and verify signed answers, too, once both are turned on. The
// token is taken out of the request by hand, and what it does not decide is decided by hand.
import { Buffer } from 'node:buffer';
import { createPrivateKey, webcrypto } from 'node:crypto';
import * as client from 'openid-client';
import { connectGuard, decide, tokenOf, usersBySubject } from './connect-guard.mjs';
import { CLIENT } from './scenario.mjs';

export async function guardOf(mode, { url, pem }) {
  const known = { issuer: url, users: usersBySubject() };
  const config = new client.Configuration(
    { issuer: url, introspection_endpoint: `${url}/introspect`, jwks_uri: `${url}/jwks` },
    CLIENT.id,
    mode === 'jwt' ? { introspection_signed_response_alg: 'ES256' } : {},
    client.ClientSecretBasic(CLIENT.secret),
  );
  client.allowInsecureRequests(config);
  if (mode === 'jwt') {
    const key = await webcrypto.subtle.importKey(
      'pkcs8',
      Buffer.from(createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })),
      { name: 'RSA-OAEP', hash: 'SHA-1' },
      false,
      ['decrypt'],
    );
    client.enableDecryptingResponses(config, ['A256GCM'], key);
    client.enableNonRepudiationChecks(config);
  }
  const parameters = { token_type_hint: 'access_token' };

  async function ask(request, token) {
    return decide(request, await client.tokenIntrospection(config, token, parameters), known);
  }

  return connectGuard((request) => {
    const token = tokenOf(request);
    return token === undefined ? 401 : ask(request, token);
  });
}
