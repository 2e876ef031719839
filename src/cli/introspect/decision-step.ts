import { checkAudience } from '../../backend/claim-checks.ts';
import { callerAudience, type Claims, ownClaim } from '../../claims.ts';
import type { Settings } from '../../settings.ts';
import { type Context, statusOf, withOwnHook } from './context.ts';
import { type Finding, holds, judge, quote, type Step } from './finding.ts';
import { scopeChecks } from './scope-checks.ts';

/** The fourth step: whether the claims are enough. All that the settings and the route ask for is shown. */
export function decisionStep(context: Context): Step {
  const { claims, composition, requirements, why } = context;
  const name = 'verifyClaims';
  const status = statusOf(4, context);
  const expected = `${composition.backendName} has to accept the claims`;
  if (status === 'skip' || claims === undefined)
    return { name, status, expected, found: 'not reached', checks: [] };
  const { settings } = composition.dependencies;
  const checks = [
    audience(claims, settings),
    resource(claims, settings),
    ...scopeChecks(claims, settings, requirements),
  ];
  const found = status === 'fail' ? (why ?? '') : 'it does';
  return { name, status, expected, found: withOwnHook(found, { name, status, checks }), checks };
}

function audience(claims: Claims, settings: Settings): Finding {
  const { OIDC_RS_AUDIENCE_CLAIM: claim, OIDC_RS_ALLOWED_AUDIENCES: allowed } = settings;
  const value = ownClaim(claims, claim);
  const anybody = allowed.length === 0;
  return judge(
    holds(() => callerAudience(claims, claim, allowed)),
    {
      name: 'audience',
      expected: anybody
        ? `this API wants ${quote(claim)} (OIDC_RS_AUDIENCE_CLAIM) to name one caller`
        : `this API wants ${quote(claim)} (OIDC_RS_AUDIENCE_CLAIM) to name one of ${allowed.map(quote).join(', ')}`,
      found: value === undefined ? 'the token has no such claim' : `the token has ${quote(value)}`,
      remedy:
        value === undefined || anybody
          ? 'Set OIDC_RS_AUDIENCE_CLAIM to a claim that names the one client to which the token was issued.'
          : `If this client may call the API, add it to OIDC_RS_ALLOWED_AUDIENCES; otherwise use a token of a client that may.`,
      ...(anybody &&
        settings.OIDC_RS_RESOURCE === undefined && {
          advice:
            'Any client of the authorization server may call this API: set OIDC_RS_ALLOWED_AUDIENCES or OIDC_RS_RESOURCE.',
        }),
    },
  );
}

function resource(claims: Claims, settings: Settings): Finding {
  const { OIDC_RS_RESOURCE: wanted } = settings;
  const aud = ownClaim(claims, 'aud');
  const found = aud === undefined ? 'the token has no `aud`' : `the token has ${quote(aud)}`;
  const name = 'resource';
  if (wanted === undefined)
    return { name, status: 'skip', expected: 'OIDC_RS_RESOURCE is not set, so any `aud` will do', found };
  // The caller is the line before: this one is about the resource alone.
  const anyCaller = { ...settings, OIDC_RS_AUDIENCE_CLAIM: 'client_id', OIDC_RS_ALLOWED_AUDIENCES: [] };
  return judge(
    holds(() => {
      checkAudience({ client_id: 'any', aud }, anyCaller);
    }),
    {
      name,
      expected: `this API wants \`aud\` to name ${quote(wanted)} (OIDC_RS_RESOURCE)`,
      found,
      remedy: `Ask the client to request a token for ${quote(wanted)} (\`resource\`, RFC 8707), or change OIDC_RS_RESOURCE.`,
    },
  );
}
