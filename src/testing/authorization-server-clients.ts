import { randomBytes } from 'node:crypto';
import type {
  TestAuthorizationServerOptions,
  TestClient,
  TestJwkSet,
} from './authorization-server-options.ts';
import type { ClientMetadata, JWKS } from './quiet-provider.ts';

const secret = (clientId: string): string => `${clientId}-secret-${randomBytes(16).toString('hex')}`;

/** The secrets of the server's own clients. */
export type Secrets = ReturnType<typeof newSecrets>;

export function newSecrets() {
  return {
    robot: secret('robot'),
    // With characters that only survive Basic where both halves are form-urlencoded first (RFC 6749 section 2.3.1).
    'api-json': `${secret('api-json')}+/:%25`,
    'api-json-post': secret('api-json-post'),
    'api-jwt': secret('api-jwt'),
  };
}

const NOBODY_LOGS_IN = { grant_types: [], response_types: [], redirect_uris: [] };
// A native client may come back to any port of the loopback address (RFC 8252 section 7.3).
const PEOPLE_LOG_IN: Omit<ClientMetadata, 'client_id'> = {
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: ['http://127.0.0.1/callback'],
};

/** Everybody whom the server knows: its own clients, and those of the options. */
export function createClients(
  secrets: Secrets,
  options: TestAuthorizationServerOptions,
  encryptionJwks: TestJwkSet | undefined,
): ClientMetadata[] {
  const { backchannelLogoutUri, encryptionJwksUri, userinfoSigningAlg, userinfoEncryptionJwks } = options;
  const own: ClientMetadata[] = [
    {
      ...PEOPLE_LOG_IN,
      client_id: 'spa',
      ...(backchannelLogoutUri && {
        backchannel_logout_uri: backchannelLogoutUri,
        backchannel_logout_session_required: true,
      }),
      ...(userinfoSigningAlg && { userinfo_signed_response_alg: userinfoSigningAlg }),
      ...(userinfoEncryptionJwks && {
        userinfo_encrypted_response_alg: 'RSA-OAEP',
        userinfo_encrypted_response_enc: 'A256GCM',
        jwks: asRegistered(userinfoEncryptionJwks),
      }),
    },
    {
      ...NOBODY_LOGS_IN,
      client_id: 'robot',
      client_secret: secrets.robot,
      grant_types: ['client_credentials'],
    },
    { ...NOBODY_LOGS_IN, client_id: 'api-json', client_secret: secrets['api-json'] },
    {
      ...NOBODY_LOGS_IN,
      client_id: 'api-json-post',
      client_secret: secrets['api-json-post'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...NOBODY_LOGS_IN,
      client_id: 'api-jwt',
      client_secret: secrets['api-jwt'],
      introspection_signed_response_alg: options.signingAlg ?? 'ES256',
      ...((encryptionJwks ?? encryptionJwksUri) && {
        introspection_encrypted_response_alg: options.encryptionAlg ?? 'RSA-OAEP',
        introspection_encrypted_response_enc: options.encryptionEnc ?? 'A256GCM',
      }),
      ...(encryptionJwks && { jwks: asRegistered(encryptionJwks) }),
      ...(encryptionJwksUri && { jwks_uri: encryptionJwksUri }),
    },
  ];
  const others = Object.entries(options.clients ?? {}).map(([id, client]) => otherClient(id, client));
  const taken = others.find(({ client_id }) => own.some((client) => client.client_id === client_id));
  if (taken) throw new TypeError(`The test authorization server has a client ${taken.client_id} of its own.`);
  return [...own, ...others];
}

function otherClient(clientId: string, client: TestClient): ClientMetadata {
  if (!('secret' in client)) return { ...PEOPLE_LOG_IN, client_id: clientId };
  return {
    ...NOBODY_LOGS_IN,
    client_id: clientId,
    client_secret: client.secret,
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: client.authentication ?? 'client_secret_basic',
  };
}

// The provider checks them itself, and says what is wrong with them when they are first needed.
function asRegistered({ keys }: TestJwkSet): JWKS {
  return { keys: [...keys] };
}
