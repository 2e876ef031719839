import { type Claims, ownClaim } from '../claims.ts';
import type { SenderConstraint } from '../constraint/sender-constraint.ts';
import { InvalidTokenError } from '../errors.ts';
import type { AccessToken } from '../secret.ts';
import type { ResourceRequest } from '../types.ts';

/**
 * Checks that the sender of a key-bound token is its holder; the third of the five steps.
 *
 * Every member of `cnf` must be checked by a constraint: one that nobody here can check is refused, never ignored.
 *
 * @throws ChallengeError when it is not shown that the sender is the holder
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-7.2 | RFC 9449 section 7.2}
 */
export function verifyPossession(
  constraints: readonly SenderConstraint[],
  request: ResourceRequest,
  token: AccessToken,
  claims: Claims,
): Promise<void> | undefined {
  const confirmation = ownClaim(claims, 'cnf');
  const checks = confirmation === undefined ? [] : checksFor(confirmation, constraints);
  const isDPoP = checks.some(({ scheme }) => scheme === 'DPoP');
  // The scheme it was sent under must be that of its key, and a type that says DPoP needs a key to go with it.
  if (token.scheme !== (isDPoP ? 'DPoP' : 'Bearer') || (hasDPoPType(claims) && !isDPoP)) throw unverifiable();
  return checks.length === 0 ? undefined : verifyEach(checks, request, token, claims);
}

function checksFor(confirmation: unknown, constraints: readonly SenderConstraint[]): SenderConstraint[] {
  const members = typeof confirmation === 'object' && confirmation !== null ? Object.keys(confirmation) : [];
  if (members.length === 0) throw unverifiable();
  return members.map((member) => {
    const check = constraints.find((constraint) => constraint.confirmation === member);
    if (check === undefined) throw unverifiable();
    return check;
  });
}

function hasDPoPType(claims: Claims): boolean {
  const type = ownClaim(claims, 'token_type');
  return typeof type === 'string' && type.toLowerCase() === 'dpop';
}

async function verifyEach(
  checks: readonly SenderConstraint[],
  request: ResourceRequest,
  token: AccessToken,
  claims: Claims,
): Promise<void> {
  for (const check of checks) await check.verify(request, token, claims);
}

function unverifiable(): InvalidTokenError {
  return new InvalidTokenError(
    'confirmation',
    'The token is bound to a key (cnf), and this API cannot check that its sender holds that key.',
  );
}
