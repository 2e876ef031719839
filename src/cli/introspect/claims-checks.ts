import { checkActive, checkIssuer, checkTimes, checkTokenType } from '../../backend/claim-checks.ts';
import { type Claims, ownClaim } from '../../claims.ts';
import type { Settings } from '../../settings.ts';
import type { Context } from './context.ts';
import { issuerRemedy } from './envelope-checks.ts';
import { type Finding, holds, instant, judge, quote } from './finding.ts';

/** What introspection said, point by point, by the checks that the backends do. */
export function claimsChecks(claims: Claims, context: Context): Finding[] {
  const { settings } = context.composition.dependencies;
  const active = holds(() => {
    checkActive(claims);
  });
  const isActive = judge(active, {
    name: 'active',
    expected: 'this API wants the authorization server to say `active: true`',
    found: `it says ${quote(`active: ${String(claims.active)}`)}${byItsOwnWords(context)}`,
    remedy:
      'It does not know the token, or the token has expired or was revoked, or this client may not see it. Get a new one, ' +
      'from the authorization server that OIDC_OP_URL names.',
  });
  // An inactive answer says nothing else.
  if (!active) return [isActive];
  return [isActive, times(claims, context), issuer(claims, settings), tokenType(claims, settings)];
}

function times(claims: Claims, context: Context): Finding {
  const { OIDC_RS_CLOCK_TOLERANCE: tolerance } = context.composition.dependencies.settings;
  const named = ['iat', 'nbf', 'exp'].filter((name) => ownClaim(claims, name) !== undefined);
  const found = named.map((name) => `\`${name}\` ${instant(claims[name])}`).join(', ');
  const clocks = clockDifference(context, tolerance);
  return judge(
    holds(() => {
      checkTimes(claims, tolerance);
    }),
    {
      name: 'times',
      expected: `this API wants a token that is valid now, to ${String(tolerance)} s (OIDC_RS_CLOCK_TOLERANCE)`,
      found: `the token has ${found || 'no times'}${clocks ?? ''}`,
      remedy: clocks === undefined ? 'Get a new token.' : 'Set both clocks by NTP, and then get a new token.',
    },
  );
}

/** How far this machine's clock is off, where that is more than is tolerated. `Date` is cut to the second. */
function clockDifference({ introspections }: Context, tolerance: number): string | undefined {
  const { response, answeredAt = 0 } = introspections.at(-1) ?? {};
  const difference = (answeredAt - Date.parse(response?.headers.date ?? '')) / 1000;
  if (!(Math.abs(difference) > Math.max(tolerance, 1))) return undefined;
  const seconds = String(Math.round(Math.abs(difference)));
  return `; this machine's clock is ${seconds} s ${difference > 0 ? 'ahead of' : 'behind'} the authorization server's`;
}

function issuer(
  claims: Claims,
  { OIDC_OP_URL: expected, OIDC_RS_REQUIRE_ISSUER: required }: Settings,
): Finding {
  const iss = ownClaim(claims, 'iss');
  return judge(
    holds(() => {
      checkIssuer(claims, expected, required);
    }),
    {
      name: 'issuer',
      expected: `this API wants \`iss\` to be exactly ${quote(expected)} (OIDC_OP_URL)${required ? '' : ', where there is one'}`,
      found: iss === undefined ? 'the answer has no `iss`' : `the answer has ${quote(iss)}`,
      remedy:
        iss === undefined
          ? 'If this authorization server never names itself, set OIDC_RS_REQUIRE_ISSUER=false.'
          : issuerRemedy(iss, expected),
    },
  );
}

function tokenType(claims: Claims, { OIDC_RS_REQUIRE_TOKEN_TYPE: required }: Settings): Finding {
  const type = ownClaim(claims, 'token_type');
  return judge(
    holds(() => {
      checkTokenType(claims, required);
    }),
    {
      name: 'token_type',
      expected: `this API wants \`token_type\` to be \`Bearer\` or \`DPoP\`${required ? '' : ', where there is one'}`,
      found: type === undefined ? 'the answer has none' : `the answer has ${quote(type)}`,
      remedy:
        type === undefined
          ? 'It may be a refresh token: send the access token. If this authorization server never sends a token_type, set OIDC_RS_REQUIRE_TOKEN_TYPE=false.'
          : 'Send the access token, rather than the refresh token or the ID token.',
    },
  );
}

function byItsOwnWords({ selfDescription }: Context): string {
  if (selfDescription === undefined) return '';
  const { iss, exp } = selfDescription;
  const said = [
    ...(iss === undefined ? [] : [`\`iss\` ${quote(iss)}`]),
    ...(exp === undefined ? [] : [`\`exp\` ${instant(exp)}`]),
  ];
  return said.length === 0
    ? ''
    : `; the token is a JWT and says of itself, unverified, ${said.join(', ')}; some servers say so of every JWT, such as an ID token`;
}
