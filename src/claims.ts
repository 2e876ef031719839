import { InvalidTokenError } from './errors.ts';
import { Returned } from './returned.ts';

/**
 * What the authorization server says about a token, with the names of RFC 7662 section 2.2.
 *
 * Only the members that an RFC registers decide anything here; the rest is data for the application.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7662#section-2.2 | RFC 7662 section 2.2}
 */
export interface Claims {
  readonly [name: string]: unknown;
  readonly active?: unknown;
  readonly iss?: unknown;
  readonly sub?: unknown;
  readonly aud?: unknown;
  readonly client_id?: unknown;
  readonly scope?: unknown;
  readonly token_type?: unknown;
  readonly exp?: unknown;
  readonly iat?: unknown;
  readonly nbf?: unknown;
  readonly jti?: unknown;
  readonly username?: unknown;
  readonly cnf?: unknown;
}

const MAX_DEPTH = 32;
const MAX_IDENTIFIER_LENGTH = 255;
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/** Marks what has been through `freezeClaims`, so that it is not copied again on its way. Cheaper than a WeakMap. */
class Frozen extends Returned {
  #scopes: readonly string[] | undefined;
  /** The client that acts for itself, `null` for a person; `undefined` until somebody asks. */
  #client: string | null | undefined;

  static has(object: object): boolean {
    return #scopes in object;
  }

  /** Found out once for all requests with these claims. */
  static clientOf(claims: Claims): string | undefined {
    if (!(#scopes in claims)) return identityOf(claims).client;
    if (claims.#client === undefined) claims.#client = identityOf(claims).client ?? null;
    return claims.#client ?? undefined;
  }

  /** The scopes, taken apart once: what decides and what is handed to the application are the same. */
  static scopesOf(claims: Claims): readonly string[] {
    return #scopes in claims ? (claims.#scopes ??= splitScopes(claims)) : splitScopes(claims);
  }
}

/**
 * Returns a deeply frozen copy without prototypes, so that no member name in a token can become behaviour.
 *
 * @throws RangeError when the claims are nested too deep
 */
export function freezeClaims<C extends Claims>(claims: C): C {
  if (Frozen.has(claims)) return claims;
  return freezeJson(claims, 0) as C;
}

function freezeJson(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH)
    throw new RangeError(`Claims are nested more than ${String(MAX_DEPTH)} levels deep.`);
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item: unknown) => freezeJson(item, depth + 1)));
  }
  // Not Object.create(null): V8 makes that a hash table, and freezing it a second one, which both outlive the request.
  const copy = Object.setPrototypeOf({}, null) as Record<string, unknown>;
  if (depth === 0) new Frozen(copy);
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    copy[name] =
      depth === 0 && typeof member === 'string' && REPEATED.has(name)
        ? sharedText(member)
        : freezeJson(member, depth + 1);
  }
  return Object.freeze(copy);
}

// The claims whose values many tokens have in common. Kept once, they take less memory, and are compared without a look at it.
const REPEATED = new Set(['iss', 'client_id', 'aud', 'azp', 'scope', 'token_type']);
const MAX_SHARED = 256;
const MAX_SHARED_LENGTH = 1024;
const texts = new Map<string, string>();

function sharedText(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (isWorthSharing(texts, text)) texts.set(text, text);
  return text;
}

function isWorthSharing(shared: ReadonlyMap<string, unknown>, text: string): boolean {
  return shared.size < MAX_SHARED && text.length <= MAX_SHARED_LENGTH;
}

/** Reads a member that the object itself has; what a prototype has does not count. */
export function ownClaim(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** Whether a value can be an instant of a token. JSON's 1e999 is Infinity: a token that never expires. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whether a value is a `sub` or `client_id` to build an identity on. */
export function isIdentifier(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_IDENTIFIER_LENGTH &&
    value.trim() === value &&
    isPlainText(value)
  );
}

/** Whether a text is well-formed Unicode without control characters: what every database and log keeps as it is. */
export function isPlainText(value: string): boolean {
  return isWellFormed(value) && !CONTROL_CHARACTER.test(value);
}

/** Whether a text has no half of a surrogate pair. In every supported Node, and not yet in TypeScript's ES2023 library. */
export function isWellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Who is behind a token: a person, or a client that acts for itself. */
export type Identity =
  | { readonly subject: string; readonly client?: undefined }
  | { readonly client: string; readonly subject?: undefined };

/**
 * Tells the person's token from the client's: no `sub`, or a `sub` equal to `client_id`, is a client acting for
 * itself (RFC 9700 section 4.15).
 */
export function identityOf(claims: Claims): Identity {
  const subject = ownClaim(claims, 'sub') ?? undefined;
  const client = ownClaim(claims, 'client_id') ?? undefined;
  if (subject !== undefined && !isIdentifier(subject)) {
    throw new InvalidTokenError('subject', 'The token has a "sub" that is not a usable identifier.');
  }
  if (subject !== undefined && subject !== client) return { subject };
  if (isIdentifier(client)) return { client };
  throw new InvalidTokenError(
    'subject',
    'The token names neither a person ("sub") nor a client ("client_id").',
  );
}

/** The client that acts for itself; `undefined` where a person is behind the token. Throws as {@link identityOf} does. */
export function clientOf(claims: Claims): string | undefined {
  return Frozen.clientOf(claims);
}

const NO_SCOPES: readonly string[] = Object.freeze([]);
// Most tokens of a client have the same scopes: one list for all of them is taken apart once, and is at hand.
const scopeLists = new Map<string, readonly string[]>();

/** The token's scopes: a string split on single blanks. Anything else grants nothing. */
export function scopesOf(claims: Claims): readonly string[] {
  return Frozen.scopesOf(claims);
}

function splitScopes(claims: Claims): readonly string[] {
  const scope = ownClaim(claims, 'scope');
  if (typeof scope !== 'string') return NO_SCOPES;
  const known = scopeLists.get(scope);
  if (known !== undefined) return known;
  const scopes = Object.freeze(scope.split(' ').filter(Boolean));
  if (isWorthSharing(scopeLists, scope)) scopeLists.set(scope, scopes);
  return scopes;
}

/**
 * The caller behind the token, as named by `OIDC_RS_AUDIENCE_CLAIM`: a non-empty string, a list of exactly one,
 * or a list with exactly one allowed member.
 */
export function callerAudience(claims: Claims, claim: string, allowed: readonly string[]): string {
  // What is frozen has no prototype: what it does not have, nothing lends it.
  const value = Frozen.has(claims) ? claims[claim] : ownClaim(claims, claim);
  // As nearly every server has it; nothing is made for it.
  if (typeof value === 'string' && (allowed.length === 0 ? value.trim() !== '' : allowed.includes(value)))
    return value;
  const members: readonly unknown[] = Array.isArray(value) ? value : [value];
  const candidates =
    allowed.length === 0 ? members : members.filter((member) => allowed.includes(member as string));
  const [audience] = candidates;
  if (candidates.length === 1 && typeof audience === 'string' && audience.trim() !== '') return audience;
  throw new InvalidTokenError(
    'audience',
    allowed.length === 0
      ? `The claim "${claim}" (OIDC_RS_AUDIENCE_CLAIM) does not name exactly one caller.`
      : `The claim "${claim}" (OIDC_RS_AUDIENCE_CLAIM) does not name exactly one member of OIDC_RS_ALLOWED_AUDIENCES.`,
  );
}
