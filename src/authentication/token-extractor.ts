import { InvalidRequestError, InvalidTokenError } from '../errors.ts';
import { AccessToken, type TokenScheme } from '../secret.ts';
import type { ResourceRequest } from '../types.ts';

/** Longer tokens are refused before anything is asked: no honest one is. */
export const MAX_TOKEN_LENGTH = 8192;

// RFC 9110 section 5.6.2: the characters of a scheme's name. What follows them is the credentials, or a mistake.
const SCHEME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;
// RFC 6750 section 2.1, with the blanks that RFC 9110 section 11.4 allows.
const CREDENTIALS = /^ +([A-Za-z0-9\-._~+/]+=*)$/;
// What nearly every client sends: the same in one look.
const USUAL = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/;
// A parameter of that name, whatever of it is percent-encoded. Linear: taking 16 KB of "%&" apart, parameter by
// parameter, was measured at 124 ms.
const NAME = Array.from('access_token', (c) => `(?:${c}|%${c.charCodeAt(0).toString(16)})`).join('');
const TOKEN_IN_QUERY = new RegExp(`^[^?]*\\?(?:.*&)?${NAME}(?:[=&]|$)`, 'is');

/**
 * Takes the access token out of the `Authorization` header; the first of the five steps.
 *
 * No header, or another scheme, is `undefined`: no credentials. The query, the form body and cookies are never read.
 *
 * @param schemes The authentication schemes that this API takes.
 * @throws InvalidRequestError when the credentials are malformed, sent twice, or in the query
 * @throws InvalidTokenError when the token is longer than {@link MAX_TOKEN_LENGTH}
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2 | RFC 6750 section 2}
 */
export function extractAccessToken(
  request: ResourceRequest,
  schemes: readonly TokenScheme[],
): AccessToken | undefined {
  const { url, rawHeaders } = request;
  if (url.includes('?') && TOKEN_IN_QUERY.test(url)) {
    throw new InvalidRequestError(
      'query',
      'An access token in the query ends up in logs. Send it in the header.',
    );
  }
  let header: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== 13 || (name !== 'authorization' && name.toLowerCase() !== 'authorization')) continue;
    // Node hands on the first and a proxy may read the last: who sends two means to be read in two ways.
    if (header !== undefined) {
      throw new InvalidRequestError('several_headers', 'The request has more than one Authorization header.');
    }
    header = rawHeaders[i + 1];
  }
  return header === undefined ? undefined : parse(header, schemes);
}

function parse(header: string, schemes: readonly TokenScheme[]): AccessToken | undefined {
  const usual = USUAL.exec(header)?.[1];
  if (usual !== undefined && usual.length <= MAX_TOKEN_LENGTH && schemes.includes('Bearer'))
    return new AccessToken(usual);
  const name = SCHEME.exec(header)?.[0];
  if (name === undefined) return undefined;
  const lower = name.toLowerCase();
  const scheme = schemes.find((known) => known.toLowerCase() === lower);
  if (scheme === undefined) return undefined;
  const value = CREDENTIALS.exec(header.slice(name.length))?.[1];
  if (value === undefined) {
    throw new InvalidRequestError(
      'malformed',
      `The credentials are not "${scheme} <token>", with one token.`,
    );
  }
  if (value.length > MAX_TOKEN_LENGTH) {
    throw new InvalidTokenError('too_long', `The access token has more than ${MAX_TOKEN_LENGTH} characters.`);
  }
  return new AccessToken(value, scheme);
}
