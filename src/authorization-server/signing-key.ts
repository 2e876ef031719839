import { isBase64url } from '../key/jose.ts';
import { verifierOf, type Verify } from '../key/jws.ts';

/** A public key that can verify signatures. Only its public members are here. */
export interface SigningKey {
  readonly kid: string | undefined;
  readonly alg: string | undefined;
  /** `RSA`, or the name of the curve. */
  readonly kind: string;
  readonly jwk: Readonly<Record<string, string>>;
  /** What verifies with the key, by algorithm. At most one for each algorithm of {@link KINDS}. */
  readonly verifiers: Map<string, Verify>;
}

/** Why a published key is not used. Fixed labels: they go to the log. */
export type DropReason =
  'malformed' | 'symmetric' | 'private' | 'not_for_signatures' | 'unknown_kind' | 'weak_rsa';

const MAX_CANDIDATES = 4;
const MIN_RSA_BITS = 2048;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** The kind of key that each algorithm needs. What is not here, such as `none` and `HS256`, is never taken. */
export const KINDS: ReadonlyMap<unknown, string> = new Map([
  ['RS256', 'RSA'],
  ['RS384', 'RSA'],
  ['RS512', 'RSA'],
  ['PS256', 'RSA'],
  ['PS384', 'RSA'],
  ['PS512', 'RSA'],
  ['ES256', 'P-256'],
  ['ES384', 'P-384'],
  ['ES512', 'P-521'],
  ['EdDSA', 'Ed25519'],
  ['Ed25519', 'Ed25519'],
]);

/**
 * Takes the usable keys out of the `keys` of a JWK Set and counts the others by reason: one bad key, or one of a kind
 * that nobody knows yet, must not cost the good ones.
 *
 * It imports nothing; whether the numbers are a key at all shows at the first use.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7517#section-5 | RFC 7517 section 5}
 */
export function readKeys(jwks: readonly unknown[]): {
  keys: SigningKey[];
  dropped: Partial<Record<DropReason, number>>;
} {
  const keys: SigningKey[] = [];
  const dropped: Partial<Record<DropReason, number>> = {};
  for (const jwk of jwks) {
    const key = readKey(jwk);
    if (typeof key === 'string') dropped[key] = (dropped[key] ?? 0) + 1;
    else keys.push(key);
  }
  return { keys, dropped };
}

function readKey(value: unknown): SigningKey | DropReason {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'malformed';
  const jwk = value as Readonly<Record<string, unknown>>;
  if (jwk.kty === 'oct') return 'symmetric';
  // Whoever publishes a private key has no signature left that proves anything.
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) return 'private';
  if (jwk.use !== undefined && jwk.use !== 'sig') return 'not_for_signatures';
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))) {
    return 'not_for_signatures';
  }
  const key = { kid: stringOf(jwk.kid), alg: stringOf(jwk.alg), verifiers: new Map<string, Verify>() };
  const { kty, crv, n, e, x, y } = jwk;
  if (kty === 'RSA') {
    if (!isNumber(n) || !isNumber(e)) return 'malformed';
    return isStrongRsa(n, e) ? { ...key, kind: kty, jwk: { kty, n, e } } : 'weak_rsa';
  }
  if (kty === 'EC' && (crv === 'P-256' || crv === 'P-384' || crv === 'P-521')) {
    return isNumber(x) && isNumber(y) ? { ...key, kind: crv, jwk: { kty, crv, x, y } } : 'malformed';
  }
  if (kty === 'OKP' && crv === 'Ed25519') {
    return isNumber(x) ? { ...key, kind: crv, jwk: { kty, crv, x } } : 'malformed';
  }
  return 'unknown_kind';
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isNumber(value: unknown): value is string {
  return typeof value === 'string' && isBase64url(value);
}

// An exponent of 1 lets any signature pass, an even one belongs to no key.
function isStrongRsa(n: string, e: string): boolean {
  const modulus = Buffer.from(n, 'base64url');
  const exponent = Buffer.from(e, 'base64url');
  const start = modulus.findIndex((byte) => byte !== 0);
  const bits = start === -1 ? 0 : (modulus.length - start) * 8 - (Math.clz32(modulus[start] ?? 0) - 24);
  const last = exponent.at(-1) ?? 0;
  const isOne = last === 1 && exponent.subarray(0, -1).every((byte) => byte === 0);
  return bits >= MIN_RSA_BITS && last % 2 === 1 && !isOne;
}

/** A message and what its signature has to be. */
export interface SignedMessage {
  readonly jws: string;
  readonly algorithm: string;
  /** The header's `kid`; without one every key of the right kind may be the one. */
  readonly kid: string | undefined;
}

/**
 * Tries the keys that fit, four at most, and returns the payload; `kid` when none fits, `signature` when none made the signature.
 *
 * It takes nothing from the message's header: the caller has checked `alg` and chosen the `kid`.
 */
export async function verifyWith(
  keys: readonly SigningKey[],
  { jws, algorithm, kid }: SignedMessage,
): Promise<Uint8Array | 'kid' | 'signature'> {
  const candidates = keys.filter((key) => (kid === undefined || key.kid === kid) && isFor(key, algorithm));
  if (candidates.length === 0) return 'kid';
  for (const { jwk, verifiers } of candidates.slice(0, MAX_CANDIDATES)) {
    try {
      let verify = verifiers.get(algorithm);
      if (verify === undefined) verifiers.set(algorithm, (verify = await verifierOf(jwk, algorithm)));
      return await verify(jws);
    } catch {
      // Another signer's key, or no key at all: the next one.
    }
  }
  return 'signature';
}

function isFor(key: SigningKey, algorithm: string): boolean {
  if (key.kind !== KINDS.get(algorithm)) return false;
  // `EdDSA` and `Ed25519` are an old and a new name of one thing (RFC 9864).
  return (
    key.alg === undefined ||
    key.alg === algorithm ||
    (key.kind === 'Ed25519' && KINDS.get(key.alg) === key.kind)
  );
}
