import { type Claims, identityOf } from '../../claims.ts';
import type { Answer, Authentication } from '../../types.ts';
import { claimsStep } from './claims-step.ts';
import type { Context } from './context.ts';
import { decisionStep } from './decision-step.ts';
import type { Step } from './finding.ts';
import { possessionStep, tokenStep } from './request-steps.ts';
import { userStep } from './user-step.ts';

type Header = Readonly<Record<string, unknown>>;

/** Who is let in: what a route is handed, without the token. */
export interface ShownIdentity {
  readonly subject?: string | undefined;
  readonly client?: string | undefined;
  /** The `id` of the user in the database. */
  readonly user_id?: string | number;
  readonly audience: string;
  readonly scopes: readonly string[];
}

/** What `oidc-rs introspect --json` prints. */
export interface Report {
  /** Whether the token is let in. */
  readonly ok: boolean;
  /** Names the token within this run, as logs do. */
  readonly token_ref: string;
  readonly backend: string;
  readonly steps: readonly Step[];
  readonly claims?: Claims;
  readonly jwe?: Header;
  readonly jws?: Header;
  /** What the API would have answered. */
  readonly answer:
    | { readonly status: 200; readonly identity: ShownIdentity }
    | (Pick<Answer, 'status' | 'headers' | 'body'> & { readonly reason: string | undefined });
}

/** Explains each step of what was decided. */
export function explainSteps(context: Context): Step[] {
  return [
    tokenStep(context),
    claimsStep(context),
    possessionStep(context),
    decisionStep(context),
    userStep(context),
  ];
}

/** What a route would be handed. */
export function shownIdentity({ claims, audience, scopes, user }: Authentication<unknown>): ShownIdentity {
  const id = (user as { id?: unknown } | undefined)?.id;
  const known = typeof id === 'string' || typeof id === 'number';
  return { ...identityOf(claims), ...(known && { user_id: id }), audience, scopes };
}
