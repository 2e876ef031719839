import { checkScopes } from '../../backend/claim-checks.ts';
import { type Claims, ownClaim, scopesOf } from '../../claims.ts';
import type { Settings } from '../../settings.ts';
import type { Requirements } from '../../types.ts';
import { type Finding, holds, judge, quote, quoteEach } from './finding.ts';

/** The scopes that the settings ask for, and those that the route asks for on top. */
export function scopeChecks(claims: Claims, settings: Settings, requirements: Requirements): Finding[] {
  const { OIDC_RS_SCOPES: asked, OIDC_RS_SCOPES_MATCH: match } = settings;
  const { scopes = [], anyScope = [] } = requirements;
  return [
    asked.length === 0
      ? {
          name: 'scope',
          status: 'skip',
          expected: 'OIDC_RS_SCOPES is empty, so no scope is asked for',
          found: granted(claims),
        }
      : scopeCheck(claims, settings, 'scope', 'this API', asked, match === 'all', 'OIDC_RS_SCOPES'),
    ...(scopes.length === 0
      ? []
      : [
          scopeCheck(
            claims,
            settings,
            'scopes',
            'this route',
            scopes,
            true,
            'what the route asks for (--scopes)',
          ),
        ]),
    ...(anyScope.length === 0
      ? []
      : [
          scopeCheck(
            claims,
            settings,
            'anyScope',
            'this route',
            anyScope,
            false,
            'what the route asks for (--any-scope)',
          ),
        ]),
  ];
}

function scopeCheck(
  claims: Claims,
  settings: Settings,
  name: string,
  who: string,
  wanted: readonly string[],
  all: boolean,
  option: string,
): Finding {
  const missing = wanted.filter((scope) => !scopesOf(claims).includes(scope));
  const route = all ? { scopes: wanted } : { anyScope: wanted };
  return judge(
    holds(() => {
      checkScopes(claims, { ...settings, OIDC_RS_SCOPES: [] }, route);
    }),
    {
      name,
      expected: `${who} wants ${all ? 'all' : 'one'} of ${wanted.map(quote).join(', ')}`,
      found: granted(claims),
      remedy: `Ask the client to request ${quoteEach(missing, all ? 'and' : 'or')}, or change ${option}.`,
    },
  );
}

function granted(claims: Claims): string {
  const scope = ownClaim(claims, 'scope');
  if (scope === undefined) return 'the token has no `scope`';
  if (typeof scope !== 'string')
    return `the token has a \`scope\` that is no text and grants nothing: ${quote(scope)}`;
  return scopesOf(claims).length === 0 ? 'the token has no scope' : `the token has ${quote(scope)}`;
}
