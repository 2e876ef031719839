import { isResourceServerError } from '../../errors.ts';
import { answerChecks } from './answer-checks.ts';
import { claimsChecks } from './claims-checks.ts';
import { type Context, decidesItself, statusOf } from './context.ts';
import type { Finding, Step } from './finding.ts';

/** The second step: what the authorization server says about the token, and whether it can be one of ours at all. */
export function claimsStep(context: Context): Step {
  const { claims, introspected, composition, why = '' } = context;
  const name = 'getClaims';
  const status = statusOf(2, context);
  const expected = `${composition.backendName} has to vouch for the token`;
  if (status === 'skip') return { name, status, expected, found: 'not reached', checks: [] };
  const checks = [
    ...answerChecks(context),
    ...(introspected && claims !== undefined ? claimsChecks(claims, context) : []),
  ];
  if (status === 'fail') {
    return { name, status, expected, found: why, remedy: remedyOf(context, checks), checks };
  }
  const found = `it does, with ${String(Object.keys(claims ?? {}).length)} claims${decidesItself(name, status, checks)}`;
  return { name, status, expected, found, checks };
}

// What a check says already is not said twice.
function remedyOf({ error, introspections }: Context, checks: readonly Finding[]): string | undefined {
  if (checks.some(({ status, remedy }) => status === 'fail' && remedy !== undefined)) return undefined;
  switch (isResourceServerError(error) ? error.code : undefined) {
    case 'ERR_AS_CLIENT_REJECTED':
      return 'They are the credentials of this API, and the token is not at fault: oidc-rs check says more about them.';
    case 'ERR_AS_UNAVAILABLE':
    case 'ERR_AS_UNTRUSTED_RESPONSE':
      return introspections.length === 0
        ? 'The token was sent to nobody: oidc-rs check looks at each part of the way to the authorization server.'
        : 'The token is not at fault: oidc-rs check looks at each part of the way to the authorization server.';
    default:
      return undefined;
  }
}
