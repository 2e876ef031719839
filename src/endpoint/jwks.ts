import { createHash } from 'node:crypto';

import type { PublicJwkSet } from '../key/private-keys.ts';
import type { Answer, Endpoint, ResourceRequest } from '../types.ts';

// Short enough that an authorization server learns of a new key soon; long enough that asking costs nothing.
// It is also how long, at most, a cache goes on encrypting to a key that was taken away without a time of overlap.
const MAX_AGE_SECONDS = 300;

/**
 * The endpoint that publishes this resource server's public encryption keys at `/jwks`: GET and HEAD, open to anyone,
 * cacheable, with every answer made beforehand.
 *
 * It publishes the set as it is and filters nothing: give it {@link PublicJwkSet | public keys} only.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7517#section-8.5 | RFC 7517 section 8.5}
 */
export function jwksEndpoint(jwkSet: PublicJwkSet): Endpoint {
  const body = JSON.stringify(jwkSet);
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const caching = { 'cache-control': `public, max-age=${MAX_AGE_SECONDS}`, etag };
  const headers = { 'content-type': 'application/jwk-set+json', ...caching };
  const get = answer(200, headers, body);
  const head = answer(200, headers, '');
  const notModified = answer(304, caching, '');
  const notAllowed = answer(405, { allow: 'GET, HEAD', 'cache-control': 'no-store' }, '');
  return Object.freeze({
    path: '/jwks',
    respond(request: ResourceRequest): Answer {
      if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed;
      if (isKnown(request.rawHeaders, etag)) return notModified;
      return request.method === 'GET' ? get : head;
    },
  });
}

function answer(status: number, headers: Record<string, string>, body: string): Answer {
  return Object.freeze({ status, headers: Object.freeze(headers), body });
}

/**
 * Whether `If-None-Match` names the tag: alone, in a list, weak or strong, or as `*`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 | RFC 9110 section 13.1.2}
 */
function isKnown(rawHeaders: readonly string[], etag: string): boolean {
  const values = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'if-none-match',
  );
  const tags = values.join(',');
  return tags.trim() === '*' || tags.match(/"[^"]*"/g)?.includes(etag) === true;
}
