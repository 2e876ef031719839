import * as crypto from 'node:crypto';
import type { Settings } from '../settings.ts';

type Hash = (algorithm: 'sha256', data: string, encoding: 'base64url') => string;

// In every supported Node, and quicker than `createHash`, which is for other runtimes.
const { hash = hashInSteps } = crypto as unknown as { readonly hash?: Hash };

function hashInSteps(...[algorithm, data, encoding]: Parameters<Hash>): string {
  return crypto.createHash(algorithm).update(data).digest(encoding);
}

/**
 * Makes the function that turns a token into the key of its entry: SHA-256 over everything that the answer depends on, each
 * part with its length before it, so that no two sets of parts are alike. The token itself is in no key.
 *
 * The parts that never change are hashed once, since a hash of fixed length cannot be confused with what follows it.
 */
export function cacheKeys(settings: Settings, backendName: string): (token: string) => string {
  const context = hash(
    'sha256',
    lengthPrefixed([
      settings.OIDC_OP_URL,
      settings.OIDC_OP_INTERNAL_URL,
      settings.OIDC_OP_INTROSPECTION_ENDPOINT,
      settings.OIDC_RS_CLIENT_ID,
      settings.OIDC_RS_BACKEND_CLASS,
      backendName,
      settings.OIDC_RS_SIGNING_ALGO,
      settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
      settings.OIDC_RS_ENCRYPTION_ALGO,
      settings.OIDC_RS_ENCRYPTION_ENCODING,
    ]),
    'base64url',
  );
  return (token) => hash('sha256', context + token, 'base64url');
}

/** The name of a mark about something: of this issuer alone, and nobody can read from it what it is about. */
export function markName(
  issuer: string | undefined,
  kind: 'sub' | 'sid' | 'client_id',
  value: string,
): string {
  return hash('sha256', lengthPrefixed([issuer, kind, value]), 'base64url');
}

function lengthPrefixed(parts: readonly (string | undefined)[]): string {
  return parts.map((part) => (part === undefined ? '-' : `${String(part.length)}:${part}`)).join('');
}
