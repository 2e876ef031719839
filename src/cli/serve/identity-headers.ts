import { type Claims, isIdentifier, isWellFormed, ownClaim } from '../../claims.ts';
import { InvalidTokenError } from '../../errors.ts';
import type { Authentication } from '../../types.ts';
import { UsageError } from '../exit-code.ts';
import { printable } from '../terminal.ts';

/** What an API behind the proxy is told about the caller, and the names of the headers that say so. */
export const DEFAULT_HEADERS = {
  subject: 'X-Auth-Subject',
  'user-id': 'X-Auth-User-Id',
  email: 'X-Auth-Email',
  audience: 'X-Auth-Audience',
  scopes: 'X-Auth-Scopes',
} as const;

type What = keyof typeof DEFAULT_HEADERS;

/** The names of the identity headers. */
export type HeaderNames = Readonly<Record<What, string>>;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
// They mean something to whoever is on the way, or to HTTP itself.
const TAKEN =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-.*|cache-control|date|host|expect|authorization|www-authenticate|cookie|set-cookie.*|location|retry-after|allow|vary|etag|server|x-accel-.*|x-envoy-.*|x-forwarded-.*)$/i;
// What may stand in a header as it is; the sign of the encoding is encoded, too.
const PLAIN = /^[\x21-\x24\x26-\x7e]*$/;

/**
 * Reads `--header <what=Name>`; what is not given keeps its usual name.
 *
 * @throws UsageError when a name cannot be used
 */
export function readHeaderNames(options: readonly string[] = []): HeaderNames {
  const names: Record<What, string> = { ...DEFAULT_HEADERS };
  const given = new Set<string>();
  for (const option of options) {
    const [what = '', name = ''] = option.split(/=(.*)/s);
    if (!Object.hasOwn(DEFAULT_HEADERS, what)) {
      const known = Object.keys(DEFAULT_HEADERS).join(', ');
      throw new UsageError(
        `--header ${printable(option, 80)}: say <what>=<Name>, where <what> is one of ${known}.`,
      );
    }
    if (given.has(what)) throw new UsageError(`--header: ${what} is there twice.`);
    if (!TOKEN.test(name)) {
      throw new UsageError(`--header ${what}: "${printable(name, 80)}" cannot be the name of a header.`);
    }
    if (TAKEN.test(name)) {
      throw new UsageError(
        `--header ${what}: ${name} has a meaning of its own; take another name, such as X-Remote-User.`,
      );
    }
    given.add(what);
    names[what as What] = name;
  }
  const spellings = Object.values(names).map((name) => name.toLowerCase());
  const twice = Object.values(names).find((name, at) => spellings.indexOf(name.toLowerCase()) !== at);
  if (twice !== undefined) throw new UsageError(`--header: two headers are called ${twice}.`);
  return Object.freeze(names);
}

/** What an API is told: a text for each header, empty where there is nothing to say. */
export type Identity = Readonly<Record<What, string>>;

export const NOBODY: Identity = Object.freeze({
  subject: '',
  'user-id': '',
  email: '',
  audience: '',
  scopes: '',
});

/**
 * Says who it is in texts that are safe in a header.
 *
 * A client that acts for itself has no subject: a client that is called like a person must not be taken for them.
 *
 * @throws InvalidTokenError when a claim is no well-formed Unicode: made up for, two callers could be one
 */
export function identityHeaders(auth: Authentication<unknown>, unverifiedEmail: boolean): Identity {
  const { user, claims, audience, scopes } = auth;
  const isPerson = auth.client === undefined;
  return {
    subject: isPerson ? headerValue(claims.sub as string) : '',
    'user-id': isPerson ? headerValue(userId(user)) : '',
    email: isPerson ? headerValue(emailOf(user, claims, unverifiedEmail)) : '',
    audience: headerValue(audience),
    scopes: scopes.map(headerValue).join(' '),
  };
}

/** What is not visible ASCII is percent-encoded as UTF-8, and so is `%`: `decodeURIComponent` gives the text back. */
function headerValue(text: string): string {
  if (PLAIN.test(text)) return text;
  if (!isWellFormed(text)) throw new InvalidTokenError('claims', 'A claim is no well-formed Unicode text.');
  return text.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

function userId(user: unknown): string {
  const id = member(user, 'id');
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : '';
}

/** The address in the local table, which the operator answers for; without one, that of the token if it is verified. */
function emailOf(user: unknown, claims: Claims, unverified: boolean): string {
  const isLocal = userId(user) !== '';
  const email = isLocal ? member(user, 'email') : ownClaim(claims, 'email');
  const counts = isLocal || unverified || ownClaim(claims, 'email_verified') === true;
  return counts && isIdentifier(email) ? email : '';
}

function member(user: unknown, name: string): unknown {
  return typeof user === 'object' && user !== null ? (user as Record<string, unknown>)[name] : undefined;
}
