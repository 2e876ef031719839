import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as jose from 'jose';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import { SigningKeys } from '../../src/authorization-server/signing-keys.ts';
import { backchannelLogoutEndpoint } from '../../src/endpoint/backchannel-logout.ts';
import type { LogoutTokenSettings } from '../../src/endpoint/logout-token.ts';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import type { Endpoint, Logger, RevocationTarget } from '../../src/types.ts';
import { RecordingLogger } from './recording-logger.ts';

export const ISSUER = 'https://auth.example.com';
export const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
export const KEY = rsa();
export const ANOTHER_KEY = rsa();

/** The claims of a good logout token, with these in their place; `undefined` takes one away. */
export function logoutClaims(changed: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: ISSUER,
    aud: 'web-app',
    iat: now,
    exp: now + 120,
    jti: randomUUID(),
    sub: 'alice',
    sid: 'session-1',
    events: { [EVENT]: {} },
    ...changed,
  };
}

/** A logout token, really signed. Its header and its key may be others, too. */
export async function logoutToken(
  changed: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: KeyObject = KEY,
): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(logoutClaims(changed)));
  return new jose.CompactSign(payload)
    .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'logout+jwt', ...header })
    .sign(key);
}

/** The form in which it is sent. */
export const formOf = (token: string): string => new URLSearchParams({ logout_token: token }).toString();

/** The endpoint, with keys that an authorization server publishes over real HTTP. */
export interface LogoutFixture {
  readonly endpoint: Endpoint;
  readonly signingKeys: SigningKeys;
  readonly settings: LogoutTokenSettings;
  readonly logger: RecordingLogger;
  /** What was revoked, in order. */
  readonly revoked: RevocationTarget[];
  /** How many times the keys were fetched. */
  fetches(): number;
  stop(): Promise<void>;
}

interface Options {
  readonly settings?: Partial<LogoutTokenSettings>;
  readonly revoke?: (target: RevocationTarget) => Promise<void>;
  /** Another logger than the one that records. */
  readonly logger?: Logger;
  /** Answers instead of the key set. */
  readonly status?: number;
}

/** Starts it. */
export async function logoutFixture(options: Options = {}): Promise<LogoutFixture> {
  let fetches = 0;
  const publicKey = createPublicKey(KEY).export({ format: 'jwk' });
  const jwks = JSON.stringify({ keys: [{ ...publicKey, kid: 'key-1', use: 'sig', alg: 'RS256' }] });
  const server = createServer((_request, response) => {
    fetches += 1;
    response.statusCode = options.status ?? 200;
    response.setHeader('content-type', 'application/jwk-set+json');
    response.end(jwks);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/jwks`;

  const recording = new RecordingLogger();
  const logger = options.logger ?? recording;
  const http = new UndiciHttpAdapter({});
  const exchange = new Exchange({ http, logger, timeoutMs: 2000 });
  const signingKeys = new SigningKeys({ exchange, url: () => url, logger });
  const settings: LogoutTokenSettings = {
    OIDC_OP_URL: ISSUER,
    OIDC_RS_CLIENT_ID: 'api',
    OIDC_RP_CLIENT_ID: 'web-app',
    OIDC_RS_LOGOUT_AUDIENCES: [],
    OIDC_RS_LOGOUT_SIGNING_ALGO: 'RS256',
    OIDC_RS_CLOCK_TOLERANCE: 5,
    ...options.settings,
  };
  const revoked: RevocationTarget[] = [];
  const revoke = async (target: RevocationTarget): Promise<void> => {
    await options.revoke?.(target);
    revoked.push(target);
  };
  return {
    endpoint: backchannelLogoutEndpoint({ settings, signingKeys, revoke, logger }),
    signingKeys,
    settings,
    logger: recording,
    revoked,
    fetches: () => fetches,
    stop: async () => {
      await http.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
