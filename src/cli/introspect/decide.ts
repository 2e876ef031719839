import type { Claims } from '../../claims.ts';
import type { Composition } from '../../composition.ts';
import { isResourceServerError } from '../../errors.ts';
import { referenceOf } from '../../secret.ts';
import type { Authentication, Requirements } from '../../types.ts';
import { explain } from '../check/explain.ts';
import { introspectionsOf, type RecordingHttpAdapter } from '../recorded-exchanges.ts';
import { printable } from '../terminal.ts';
import { concealer } from './conceal.ts';
import type { Context } from './context.ts';
import type { LookingUserStore } from './look-up-user.ts';
import { failedStep, observe } from './observe.ts';
import { describesItself, openEnvelope } from './unverified.ts';
import { explainSteps, type Report, shownIdentity } from './report.ts';

/** What the API is made of here. */
export interface Parts {
  readonly composition: Composition<unknown, Claims>;
  readonly http: RecordingHttpAdapter;
  readonly users: LookingUserStore;
}

/** What the route asks for, and where the users are. */
export interface RouteFlags {
  readonly scopes?: readonly string[];
  readonly anyScope?: readonly string[];
  readonly clients?: true;
  readonly database?: string;
}

/** Decides on one token as the API does, and explains each step. It writes nothing: the fifth step only looks up. */
export async function decide(
  token: string,
  flags: RouteFlags,
  { composition, http, users }: Parts,
): Promise<Report> {
  const { backend, authenticator, challenge, backendName, dependencies } = composition;
  const { settings, privateKeys } = dependencies;
  const requirements: Requirements = {
    ...(flags.scopes && { scopes: flags.scopes }),
    ...(flags.anyScope && { anyScope: flags.anyScope }),
    ...(flags.clients && { clients: true }),
  };
  const seen = observe(backend);
  let error: unknown;
  let authentication: Authentication<unknown> | undefined;
  try {
    const request = { method: 'GET', url: '/', rawHeaders: ['Authorization', `Bearer ${token}`] };
    authentication = await authenticator.authenticate(request, requirements);
  } catch (thrown) {
    // Whatever was thrown: that something was is what refuses.
    error = thrown ?? new Error('nothing was thrown');
  }
  const introspections = introspectionsOf(http.exchanges);
  const sent = introspections.map(({ request }) => new URLSearchParams(request.body).get('token') ?? '');
  const conceal = concealer([token, ...sent, settings.OIDC_RS_CLIENT_SECRET?.reveal() ?? '']);
  const envelope = conceal(await openEnvelope(introspections.at(-1), privateKeys));
  const claims = conceal(seen.claims ?? seen.answer);
  const context: Context = {
    composition,
    requirements,
    length: token.length,
    failed: failedStep(seen, error),
    why: error === undefined ? undefined : printable(conceal(whyOf(error)), 600),
    tokenRef: referenceOf(token),
    selfDescription: conceal(describesItself(token)),
    error,
    claims,
    introspected: seen.answer !== undefined,
    introspections,
    conceal,
    envelope,
    users,
    database: flags.database !== undefined,
  };
  return {
    ok: authentication !== undefined,
    token_ref: referenceOf(token),
    backend: backendName,
    steps: explainSteps(context),
    ...(claims && { claims }),
    ...(envelope?.jwe && { jwe: envelope.jwe }),
    ...(envelope?.jws && { jws: envelope.jws }),
    answer:
      authentication === undefined
        ? { ...challenge(error), reason: conceal(reasonOf(error)) }
        : { status: 200, identity: conceal(shownIdentity(authentication)) },
  };
}

/** Why a token is refused: what the API's log says. */
function reasonOf(error: unknown): string | undefined {
  if (!isResourceServerError(error)) return undefined;
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.code;
}

function whyOf(error: unknown): string {
  const said = explain(error);
  const reason = reasonOf(error);
  if (reason === undefined) return `it fails with ${said}, which nobody foresaw`;
  return `${'status' in (error as object) ? 'it refuses' : 'it cannot tell'} for \`${reason}\`: ${said}`;
}
