import type { Claims } from '../claims.ts';
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
  // As nearly every token is: bound to no key, and said to be so.
  if (claims.cnf === undefined && claims.token_type === 'Bearer' && token.scheme === 'Bearer')
    return undefined;
  const checks = claims.cnf === undefined ? [] : checksFor(claims.cnf, constraints);
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
  return typeof claims.token_type === 'string' && claims.token_type.toLowerCase() === 'dpop';
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
