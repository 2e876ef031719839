import type { Claims } from '../../claims.ts';
import type { Composition } from '../../composition.ts';
import type { Requirements } from '../../types.ts';
import type { RecordedExchange } from '../recorded-exchanges.ts';
import type { EnvelopeHeaders } from '../envelope.ts';
import type { Conceal } from './conceal.ts';
import type { Step } from './finding.ts';
import type { LookingUserStore } from './look-up-user.ts';

/** What is known once a token was decided on: what the steps are explained from. */
export interface Context {
  readonly composition: Composition<unknown, Claims>;
  readonly requirements: Requirements;
  /** How long the token is, in characters. */
  readonly length: number;
  /** Names the token within this run. */
  readonly tokenRef: string;
  /** What a token that is a JWT says of itself. Nobody has verified it. */
  readonly selfDescription: Claims | undefined;
  /** The step that failed; 6 where none has. */
  readonly failed: number;
  /** Why, in words without secrets; `undefined` where nothing has failed. */
  readonly why: string | undefined;
  readonly error: unknown;
  /** What was decided on, as far as the authorization server or the backend has said anything. */
  readonly claims: Claims | undefined;
  /** Whether `claims` came by introspection, so that the checks of introspection apply. */
  readonly introspected: boolean;
  /** The introspection requests, and what came back. The token is in them: nothing of theirs is shown but by `conceal`. */
  readonly introspections: readonly RecordedExchange[];
  readonly conceal: Conceal;
  readonly envelope: Envelope | undefined;
  readonly users: LookingUserStore;
  /** Whether `--database` says where the users are. */
  readonly database: boolean;
}

/** A signed and encrypted answer, opened as far as it can be. Nothing in it is verified. */
export interface Envelope extends EnvelopeHeaders {
  /** Whether there was any encryption. */
  readonly encrypted: boolean;
  /** The claims around those about the token: `iss`, `aud`, `iat`. */
  readonly outer: Claims | undefined;
}

/** How a step ended. */
export function statusOf(step: number, { failed }: Pick<Context, 'failed'>): 'pass' | 'fail' | 'skip' {
  return step < failed ? 'pass' : step === failed ? 'fail' : 'skip';
}

/** Adds that a backend has decided otherwise than the package's checks would have: it has a hook of its own. */
export function withOwnHook(
  found: string,
  { name, status, checks }: Pick<Step, 'name' | 'status' | 'checks'>,
): string {
  const refused = checks.some((check) => check.status === 'fail');
  if (refused === (status === 'fail')) return found;
  return `${found.replace(/\.$/, '')}; it decides by a ${name} of its own`;
}
