// oidc-resource-server with its defaults: only what every application sets is set.
import { createResourceServer, MemoryUserStore } from 'oidc-resource-server';
import { ALLOWED_CLIENT, CACHE, CLIENT, SCOPE, USERS } from './scenario.mjs';

export function guardOf(mode, surroundings, framework) {
  const users = Array.from({ length: USERS }, (_, i) => ({
    issuer: surroundings.url,
    subject: `user-${i}`,
    active: true,
    name: `User ${i}`,
  }));
  return guardWith(new MemoryUserStore(users), mode, surroundings, framework);
}

/** The guard with a user store of choice. */
export async function guardWith(userStore, mode, { url, pem }, framework) {
  const { authenticate } = await import(`oidc-resource-server/${framework}`);
  const resourceServer = await createResourceServer({
    env: {},
    userStore,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    settings: {
      OIDC_OP_URL: url,
      OIDC_OP_INTROSPECTION_ENDPOINT: `${url}/introspect`,
      OIDC_OP_JWKS_ENDPOINT: `${url}/jwks`,
      OIDC_RS_CLIENT_ID: CLIENT.id,
      OIDC_RS_CLIENT_SECRET: CLIENT.secret,
      OIDC_RS_ALLOWED_AUDIENCES: [ALLOWED_CLIENT],
      ...(mode === 'cached' && { OIDC_RS_CACHE_TTL: CACHE.seconds }),
      ...(mode === 'jwt' && {
        OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend',
        OIDC_RS_SIGNING_ALGO: 'ES256',
        OIDC_RS_PRIVATE_KEY_STR: pem,
        OIDC_RS_ENCRYPTION_KEY_TYPE: 'RSA',
        OIDC_RS_ENCRYPTION_ALGO: 'RSA-OAEP',
        OIDC_RS_ENCRYPTION_ENCODING: 'A256GCM',
      }),
    },
  });
  const guard = authenticate(resourceServer, { scopes: [SCOPE] });
  return { guard, userOf: (request) => guard.of(request).user, isNative: true };
}
