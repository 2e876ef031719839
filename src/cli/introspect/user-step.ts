import { identityOf, type Identity, type Claims, ownClaim } from '../../claims.ts';
import { isResourceServerError } from '../../errors.ts';
import { explain } from '../check/explain.ts';
import { type Context, statusOf } from './context.ts';
import { quote, type Step } from './finding.ts';
import { ownHook } from './look-up-user.ts';

const NAME = 'getOrCreateUser';

/** The fifth step: who is behind the token. It only looks up. */
export function userStep(context: Context): Step {
  const { claims, why } = context;
  const status = statusOf(5, context);
  const identity = claims && tryIdentity(claims);
  if (status === 'skip' || claims === undefined) {
    const expected = 'this API wants the local user of a person';
    return { name: NAME, status, expected, found: 'not reached', checks: [] };
  }
  if (identity === undefined) {
    const expected = 'this API wants the token to name a person (`sub`) or a client (`client_id`)';
    const remedy = 'Look at the claims below: the authorization server has to give one of the two.';
    return { name: NAME, status, expected, found: why ?? '', remedy, checks: [] };
  }
  const outcome = identity.client === undefined ? person(context) : client(identity.client, context);
  const expected = expectedOf(identity, claims, context);
  return { name: NAME, status, expected, checks: [], ...outcome };
}

function tryIdentity(claims: Claims): Identity | undefined {
  try {
    return identityOf(claims);
  } catch {
    return undefined;
  }
}

function expectedOf(identity: Identity, claims: Claims, { composition, requirements }: Context): string {
  if (identity.client !== undefined) {
    return requirements.clients
      ? 'this route lets clients in that act for themselves (--clients)'
      : 'this route wants a person behind the token';
  }
  const issuer = ownClaim(claims, 'iss') ?? composition.dependencies.settings.OIDC_OP_URL;
  return `this API wants an active user for the subject ${quote(identity.subject)} of ${quote(issuer)}`;
}

type Outcome = Pick<Step, 'found' | 'remedy'>;

function client(id: string, { requirements }: Context): Outcome {
  const found = `the client ${quote(id)} acts for itself, with no person behind the token`;
  if (requirements.clients) return { found: `${found}; no user is looked for` };
  return {
    found,
    remedy:
      'If your route says { clients: true }, say --clients here; otherwise the client has to send the token of a person.',
  };
}

function person(context: Context): Outcome {
  const { error, why, database, users, composition } = context;
  const { settings } = composition.dependencies;
  const hook = ownHook(
    composition.backend,
    (error as { reason?: unknown } | undefined)?.reason !== 'unknown_user',
  );
  const uncalled =
    hook && `${composition.backendName} has a ${hook} of its own, which is not called here: it may write.`;
  if (error === undefined) {
    if (users.created) {
      return {
        found: 'there is none, and OIDC_RS_CREATE_USER makes one at the first request; nothing was written',
      };
    }
    if (!database) {
      return {
        found: 'one is made from the claims',
        remedy:
          uncalled ??
          'Whether the user store of your application knows this person is not looked at: say --database to ask one.',
      };
    }
    return { found: 'there is one', remedy: uncalled };
  }
  switch (isResourceServerError(error) ? (error as { reason?: unknown }).reason : undefined) {
    case 'unknown_user':
      return { found: 'there is none', remedy: uncalled ?? unknownUser(context) };
    case 'disabled_user':
      return { found: 'there is one, and it is disabled', remedy: 'Set it active again, if it may come in.' };
    case 'essential_claims':
      return {
        found: `there is none; ${why ?? ''}`,
        remedy:
          'Ask the client to request the scopes that bring these claims, or change OIDC_USERINFO_ESSENTIAL_CLAIMS.',
      };
  }
  const cause = error instanceof Error && error.cause !== undefined ? ` (${explain(error.cause)})` : '';
  return {
    found: `${why ?? ''}${cause}`,
    remedy:
      isResourceServerError(error) && error.code === 'ERR_USER_STORE'
        ? `The token is not at fault: oidc-rs check --database says whether the users can be found within OIDC_TIMEOUT (${String(settings.OIDC_TIMEOUT)} s).`
        : undefined,
  };
}

function unknownUser({ users, composition }: Context): string {
  if (users.linkedBy !== undefined) {
    return `OIDC_RS_FALLBACK_TO_EMAIL lets in the one user without a subject whose address is ${quote(users.linkedBy)}, and gives them this subject; that writes, so it is not tried here.`;
  }
  const { OIDC_RS_FALLBACK_TO_EMAIL: link } = composition.dependencies.settings;
  const unverified = link
    ? ' For OIDC_RS_FALLBACK_TO_EMAIL a verified e-mail address is needed, and none is known.'
    : '';
  return `Add this one, or set OIDC_RS_CREATE_USER=true to have a user made of whoever comes.${unverified}`;
}
