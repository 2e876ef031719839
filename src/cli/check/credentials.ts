import { randomBytes } from 'node:crypto';
import { AUTHENTICATION_METHODS } from '../../authorization-server/metadata-warnings.ts';
import { parseJsonObject } from '../../authorization-server/exchange.ts';
import { isResourceServerError } from '../../errors.ts';
import { AccessToken } from '../../secret.ts';
import { clientAuthenticationOf, introspectionsOf } from '../recorded-exchanges.ts';
import { printable } from '../terminal.ts';
import { type Check, type CheckContext, fail, type Finding, pass, skip } from './check.ts';
import { explain } from './explain.ts';

/**
 * Asks about a token that nobody has issued, by the backend itself. That it is not active is the good answer: it shows
 * that the authorization server knows this client and lets it introspect.
 */
export const credentials: Check = {
  name: 'credentials',
  async run(context) {
    const { composition, http } = context;
    if (composition === undefined) return [skip('The settings have to be corrected first.')];
    if (
      context.document === undefined &&
      context.reading.settings.OIDC_OP_INTROSPECTION_ENDPOINT === undefined
    ) {
      return [skip('The address of the introspection endpoint is not known.')];
    }
    const before = http.exchanges.length;
    const failure = await failureOf(async () =>
      composition.backend.getClaims(new AccessToken(randomBytes(32).toString('base64url'))),
    );
    const asked = introspectionsOf(http.exchanges.slice(before));
    const { request, response } = asked.at(-1) ?? {};
    if (request === undefined) return [fail(`The token was not introspected: ${explain(failure)}`)];
    if (isResourceServerError(failure) && failure.code === 'ERR_AS_CLIENT_REJECTED') {
      context.accepted = false;
      return [
        rejected(
          response?.status ?? 0,
          asked.map((exchange) => clientAuthenticationOf(exchange.request)),
          context,
        ),
      ];
    }
    if (response === undefined) return [fail(explain(failure))];
    if (response.status !== 200) {
      const error = parseJsonObject(response.body)?.error;
      const said = typeof error === 'string' ? ` (${printable(error, 60)})` : '';
      // Whoever is registered for the other kind of answer is told so before anybody looks at the token.
      const other = error === 'invalid_request' || error === 'invalid_client_metadata';
      const nowhere =
        response.status === 404 &&
        'Leave OIDC_OP_INTROSPECTION_ENDPOINT out, or set it to what the metadata says.';
      const tokenRefused = isResourceServerError(failure) && failure.code === 'ERR_INVALID_TOKEN';
      if (!tokenRefused) {
        return [
          fail(
            `The introspection endpoint answered ${String(response.status)}${said}. ${explain(failure)}`,
            other
              ? 'Compare OIDC_RS_BACKEND_CLASS (JSON, or signed and encrypted) with how this client is registered.'
              : nowhere || 'Look into the log of the authorization server.',
          ),
        ];
      }
    }
    context.accepted = true;
    context.outcome = failure;
    const { OIDC_RS_CLIENT_ID: client = '' } = context.reading.settings;
    return [
      pass(
        `The authorization server knows ${client} (${clientAuthenticationOf(request)}) and lets it introspect tokens.`,
      ),
    ];
  },
};

async function failureOf(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    return error;
  }
}

function rejected(status: number, tried: readonly string[], { reading, document }: CheckContext): Finding {
  const { OIDC_RS_CLIENT_ID: client = '' } = reading.settings;
  const methods = advertised(document);
  if (status === 403) {
    return fail(
      `The authorization server knows ${client} and does not let it introspect tokens (status 403).`,
      'Allow this client to introspect, in its registration.',
    );
  }
  return fail(
    `The authorization server refuses ${client} (status ${String(status)}): your credentials or the authentication method are wrong. Tried: ${[...new Set(tried)].join(', ')}.${methods}`,
    'Compare OIDC_RS_CLIENT_ID, OIDC_RS_CLIENT_SECRET and OIDC_RS_CLIENT_AUTH_METHOD with the registration.',
  );
}

/** What the metadata says about how clients authenticate: for introspection, or else for tokens, which is mostly the same. */
function advertised(document: CheckContext['document']): string {
  for (const [member, endpoint] of [
    [AUTHENTICATION_METHODS, 'introspection'],
    ['token_endpoint_auth_methods_supported', 'the token endpoint'],
  ] as const) {
    const methods: unknown = document?.[member];
    if (Array.isArray(methods)) {
      const list = methods.map((method) => printable(method, 40)).join(', ');
      return ` For ${endpoint} the server advertises ${list}.`;
    }
  }
  return '';
}
