import { mediaTypeOf, parseJsonObject } from '../../authorization-server/exchange.ts';
import { clientAuthenticationOf } from '../recorded-exchanges.ts';
import { printable } from '../terminal.ts';
import type { Context } from './context.ts';
import { envelopeChecks } from './envelope-checks.ts';
import { type Finding, judge, quote } from './finding.ts';

const JWT = 'application/token-introspection+jwt';

/** Who was asked, how, and what came back: of the last introspection request, which decides. */
export function answerChecks(context: Context): Finding[] {
  const { introspections, composition, introspected, envelope } = context;
  const last = introspections.at(-1);
  if (last === undefined) return [];
  const { request, response } = last;
  const wanted = request.headers.accept ?? 'application/json';
  const { origin, pathname } = new URL(request.url);
  const { OIDC_RS_CLIENT_ID: client } = composition.dependencies.settings;
  const asker = `asked as ${quote(client)} (${clientAuthenticationOf(request)})`;
  const twice = introspections.filter((one) => one.response?.status === 200).length > 1;
  const decoded = twice ? ', the second time about what the token is the base64 of' : '';
  const type = response && mediaTypeOf(response);
  const error = response && parseJsonObject(response.body)?.error;
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
    ...(response?.status === 200 && {
      remedy:
        wanted === JWT
          ? 'Register this client for signed and encrypted introspection answers, or set OIDC_RS_BACKEND_CLASS=IntrospectionResourceServerBackend.'
          : 'Register this client for plain answers, or set OIDC_RS_BACKEND_CLASS=JWTResourceServerBackend.',
    }),
  });
  return envelope === undefined ? [answer] : [answer, ...envelopeChecks(context, envelope)];
}
