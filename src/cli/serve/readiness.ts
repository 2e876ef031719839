import { randomBytes } from 'node:crypto';
import type { ResourceServerBackend } from '../../backend/resource-server-backend.ts';
import { Deadline } from '../../backend/deadline.ts';
import { isResourceServerError } from '../../errors.ts';
import { AccessToken } from '../../secret.ts';

/** What became of one check; `code` and `reason` where it failed. */
export interface ReadinessCheck {
  readonly name: 'authorization_server' | 'users' | 'cache';
  /** `warn`: requests are decided on all the same. */
  readonly status: 'pass' | 'warn' | 'fail';
  readonly code?: string;
  readonly reason?: string;
}

/** Whether requests can be decided on. */
export interface Readiness {
  readonly status: 'ready' | 'not_ready' | 'draining';
  readonly checks: readonly ReadinessCheck[];
}

/** What is asked; what is left out is not needed, except a backend, which is missing where the server is switched off. */
export interface ReadinessOptions {
  readonly backend: Pick<ResourceServerBackend<unknown>, 'getClaims'> | undefined;
  readonly pingUsers: (() => Promise<void>) | undefined;
  readonly pingCache: (() => Promise<void>) | undefined;
  readonly timeoutMs: number;
}

// Anybody may ask, and it must not become a burden to those that are asked in turn.
const REMEMBERED_MS = 2000;

// Texts of our own: what was found is in the log, and not everybody's business.
const REASONS: Readonly<Record<string, string>> = {
  ERR_AS_UNAVAILABLE: 'The authorization server gave no answer. The log says why.',
  ERR_AS_CLIENT_REJECTED: 'The authorization server refuses the credentials of this server.',
  ERR_AS_UNTRUSTED_RESPONSE: 'The answer of the authorization server cannot be trusted. The log says why.',
  ERR_USER_STORE: 'The database of users gave no answer, or has no table of users.',
  ERR_CACHE: 'The shared store of claims gave no answer; the authorization server is asked instead.',
  ERR_DISABLED: 'The resource server is switched off: OIDC_RESOURCE_SERVER_ENABLED is false.',
  ERR_ANY_TOKEN: 'The authorization server calls a token active that nobody has issued.',
  ERR_UNFORESEEN: 'The check met an error that nobody foresaw.',
};

/** Makes the function that says whether requests can be decided on. It asks once for all who want to know. */
export function createReadiness(options: ReadinessOptions): () => Promise<Readiness> {
  // One for all checks, and so one timer.
  const deadline = new Deadline(options.timeoutMs);
  let last: { readonly readiness: Readiness; readonly at: number } | undefined;
  let underWay: Promise<Readiness> | undefined;
  const look = async (): Promise<Readiness> => {
    const checks = await Promise.all([
      askAuthorizationServer(options),
      ...askUsers(options, deadline),
      ...askCache(options, deadline),
    ]);
    const readiness: Readiness = {
      status: checks.every(({ status }) => status !== 'fail') ? 'ready' : 'not_ready',
      checks,
    };
    last = { readiness, at: performance.now() };
    underWay = undefined;
    return readiness;
  };
  return () => {
    if (last !== undefined && performance.now() - last.at < REMEMBERED_MS)
      return Promise.resolve(last.readiness);
    return (underWay ??= look());
  };
}

/** Asks about a token that nobody has issued: that it is refused shows that the authorization server can be asked. */
async function askAuthorizationServer({ backend }: ReadinessOptions): Promise<ReadinessCheck> {
  const name = 'authorization_server';
  if (backend === undefined) return failed(name, 'ERR_DISABLED');
  try {
    await backend.getClaims(new AccessToken(randomBytes(32).toString('base64url')));
    return failed(name, 'ERR_ANY_TOKEN');
  } catch (error) {
    const code = isResourceServerError(error) ? error.code : 'ERR_UNFORESEEN';
    return code === 'ERR_INVALID_TOKEN' ? { name, status: 'pass' } : failed(name, code);
  }
}

function askUsers({ pingUsers }: ReadinessOptions, deadline: Deadline): Promise<ReadinessCheck>[] {
  return askStore(pingUsers, deadline, failed('users', 'ERR_USER_STORE'));
}

/** Without it everything goes on, and slower: all processes would be taken out at once if it made them not ready. */
function askCache({ pingCache }: ReadinessOptions, deadline: Deadline): Promise<ReadinessCheck>[] {
  return askStore(pingCache, deadline, { ...failed('cache', 'ERR_CACHE'), status: 'warn' });
}

/** Nothing to say of a store that there is not. */
function askStore(
  ping: (() => Promise<void>) | undefined,
  deadline: Deadline,
  otherwise: ReadinessCheck,
): Promise<ReadinessCheck>[] {
  if (ping === undefined) return [];
  const answered = Promise.resolve(deadline.within(ping));
  return [
    answered.then(
      () => ({ name: otherwise.name, status: 'pass' }),
      () => otherwise,
    ),
  ];
}

function failed(name: ReadinessCheck['name'], code: string): ReadinessCheck {
  const reason = REASONS[code] ?? REASONS.ERR_UNFORESEEN;
  return { name, status: 'fail', code, ...(reason !== undefined && { reason }) };
}
