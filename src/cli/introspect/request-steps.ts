import { type Claims, ownClaim } from '../../claims.ts';
import { type Context, statusOf } from './context.ts';
import { quote, quoteEach, type Step } from './finding.ts';

/** The first step: the token in the request. */
export function tokenStep(context: Context): Step {
  const status = statusOf(1, context);
  const token = `one of ${String(context.length)} characters (token_ref ${context.tokenRef})`;
  return {
    name: 'extractAccessToken',
    status,
    expected: 'this API wants one token, as "Authorization: Bearer <token>"',
    found: status === 'fail' ? `there is ${token}; ${context.why ?? ''}` : `it is ${token}`,
    ...(status === 'fail' && {
      remedy: 'Copy the token alone, without blanks, quotes and line breaks: the value of "access_token".',
    }),
    checks: [],
  };
}

const CONFIRMATIONS: Readonly<Record<string, string>> = {
  jkt: 'DPoP, RFC 9449',
  'x5t#S256': 'a client certificate, RFC 8705',
};

/** The third step: whether the sender has to hold a key as well, and does. */
export function possessionStep(context: Context): Step {
  const { claims } = context;
  const name = 'verifyPossession';
  const status = statusOf(3, context);
  const expected = 'this API wants a token that is bound to no key, or to one that it can check';
  if (status === 'skip' || claims === undefined)
    return { name, status, expected, found: 'not reached', checks: [] };
  const found = possessionOf(claims, status);
  if (status === 'pass') return { name, status, expected, found, checks: [] };
  const remedy = 'Have the client ask for a token that is not bound to a key (token_type Bearer).';
  return { name, status, expected, found: `${found}; ${context.why ?? ''}`, remedy, checks: [] };
}

function possessionOf(claims: Claims, status: 'pass' | 'fail'): string {
  const confirmation = ownClaim(claims, 'cnf');
  if (confirmation === undefined) {
    return status === 'pass'
      ? 'the token has no `cnf`: whoever has it can use it'
      : `the token has no \`cnf\`, and its \`token_type\` is ${quote(ownClaim(claims, 'token_type'))}`;
  }
  const members = typeof confirmation === 'object' && confirmation !== null ? Object.keys(confirmation) : [];
  if (members.length === 0) return `the token has a \`cnf\` that names no key: ${quote(confirmation)}`;
  const meant = members.flatMap((member) =>
    Object.hasOwn(CONFIRMATIONS, member) ? CONFIRMATIONS[member] : [],
  );
  const means = meant.length === 0 ? '' : ` (${meant.join('; ')})`;
  return `the token is bound by \`cnf\`: ${quoteEach(members)}${means}`;
}
