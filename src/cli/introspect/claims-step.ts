import { mediaTypeOf, parseJsonObject } from '../../authorization-server/exchange.ts';
import { isResourceServerError } from '../../errors.ts';
import { clientAuthenticationOf } from '../recorded-exchanges.ts';
import { printable } from '../terminal.ts';
import { claimsChecks } from './claims-checks.ts';
import { type Context, statusOf, withOwnHook } from './context.ts';
import { envelopeChecks } from './envelope-checks.ts';
import { type Finding, judge, quote, type Step } from './finding.ts';

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
  const found = `it does, with ${String(Object.keys(claims ?? {}).length)} claims`;
  return { name, status, expected, found: withOwnHook(found, { name, status, checks }), checks };
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

const JSON_TYPE = 'application/json';
const JWT = 'application/token-introspection+jwt';

/** Who was asked, how, and what came back: of the last introspection request, which decides. */
function answerChecks(context: Context): Finding[] {
  const { introspections, composition, introspected, envelope, conceal } = context;
  const last = introspections.at(-1);
  if (last === undefined) return [];
  const { request, response } = last;
  const wanted = request.headers.accept ?? JSON_TYPE;
  const { origin, pathname } = new URL(request.url);
  const { OIDC_RS_CLIENT_ID: client } = composition.dependencies.settings;
  const asker = `asked as ${quote(client)} (${clientAuthenticationOf(request)})`;
  const twice = introspections.filter((one) => one.response?.status === 200).length > 1;
  const decoded = twice ? ', the second time about what the token is the base64 of' : '';
  const type = response && mediaTypeOf({ ...response, headers: conceal(response.headers) });
  const error = response && conceal(parseJsonObject(response.body)?.error);
  const found =
    response === undefined
      ? 'no answer came'
      : `it answered ${String(response.status)} in ${type ? quote(type) : 'no media type'}${typeof error === 'string' ? ` (${printable(error, 60)})` : ''}`;
  const answered = response?.status === 200 && type === wanted;
  const counts = introspected && !answered ? ', which counts as inactive' : '';
  const answer = judge(answered || introspected, {
    name: 'answer',
    expected: `${printable(origin + pathname)} was ${asker}${decoded} and should answer 200 in ${quote(wanted)}`,
    found: found + counts,
    ...(response?.status === 200 && { remedy: mediaTypeRemedy(type, wanted) }),
  });
  return envelope === undefined ? [answer] : [answer, ...envelopeChecks(context, envelope)];
}

function mediaTypeRemedy(type: string | undefined, wanted: string): string {
  if (wanted === JWT && type === JSON_TYPE) {
    return 'Register this client for signed and encrypted introspection answers, or set OIDC_RS_BACKEND_CLASS=IntrospectionResourceServerBackend.';
  }
  if (wanted === JSON_TYPE && type === JWT) {
    return 'Register this client for plain answers, or set OIDC_RS_BACKEND_CLASS=JWTResourceServerBackend.';
  }
  return 'That is no introspection endpoint: compare OIDC_OP_INTROSPECTION_ENDPOINT with the documentation of the server, and look for a proxy in between.';
}
