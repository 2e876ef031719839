import type { ResourceServerBackend } from '../../backend/resource-server-backend.ts';
import type { Claims } from '../../claims.ts';
import type { AccessToken } from '../../secret.ts';
import { lookUpUser } from './look-up-user.ts';

/** How far one request came through the five steps, and what was seen on the way. */
export interface Observation {
  /** The number of the step that is under way, from 1 on. */
  step: 1 | 2 | 3 | 4 | 5;
  /** What the backend took for the answer of the authorization server, and has checked or was about to check. */
  answer?: Claims;
  /** What `getClaims` resolved with. */
  claims?: Claims;
  /** Whether the user was looked for. */
  userAsked?: true;
}

type Backend = ResourceServerBackend<unknown>;
type Introspecting = Backend & { introspect?: (token: AccessToken) => Promise<Claims> };

/**
 * Watches the hooks of a backend while the API's own authenticator calls them, so that the order of the steps and
 * what each decides are never written a second time. The last step alone is another: it only looks up.
 */
export function observe(backend: Backend): Observation {
  const seen: Observation = { step: 1 };
  const getClaims = backend.getClaims.bind(backend);
  const verifyClaims = backend.verifyClaims.bind(backend);
  backend.getClaims = async (token) => {
    seen.step = 2;
    seen.claims = await getClaims(token);
    seen.step = 3;
    return seen.claims;
  };
  backend.verifyClaims = async (claims, requirements) => {
    seen.step = 4;
    const decision = (await (verifyClaims(claims, requirements) as unknown)) as undefined | false;
    // The authenticator refuses a hook that says no by `false`.
    if (decision !== false) seen.step = 5;
    return decision as undefined;
  };
  backend.getOrCreateUser = (claims, token) => {
    seen.userAsked = true;
    return lookUpUser(backend, claims, token);
  };
  const introspecting = backend as Introspecting;
  const introspect = introspecting.introspect?.bind(backend);
  if (introspect !== undefined) {
    introspecting.introspect = async (token) => {
      // Asked a second time, it is the second answer that counts, also where none comes.
      delete seen.answer;
      seen.answer = await introspect(token);
      return seen.answer;
    };
  }
  return seen;
}

/** The step that an error ended; 6 where none has failed. */
export function failedStep(seen: Observation, error: unknown): number {
  if (error === undefined) return 6;
  // Claims that cannot be frozen are found out before anything else is done with them.
  if (seen.step === 3 && error instanceof RangeError) return 2;
  // Who the caller is has to be known, whatever a verifyClaims of one's own has let pass.
  const { reason } = error as { reason?: unknown };
  return seen.step === 5 && seen.userAsked === undefined && reason === 'audience' ? 4 : seen.step;
}
