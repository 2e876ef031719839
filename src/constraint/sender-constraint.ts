import type { Claims } from '../claims.ts';
import type { AccessToken } from '../secret.ts';
import type { ResourceRequest } from '../types.ts';

/**
 * A way to prove that whoever sends a token is its holder (DPoP, mutual TLS).
 *
 * A token whose `cnf` has a member that no constraint checks is refused.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7800#section-3.1 | RFC 7800 section 3.1}
 */
export interface SenderConstraint {
  /** The member of `cnf` that this constraint checks, such as `jkt`. */
  readonly confirmation: string;
  /** The authentication scheme that tokens of this kind are sent under, where it is not Bearer. */
  readonly scheme?: 'DPoP';
  /** The challenge that an answer without credentials carries besides `Bearer`. */
  challenge?(): string;
  /** Resolves when the sender is the holder. @throws ChallengeError otherwise */
  verify(request: ResourceRequest, token: AccessToken, claims: Claims): Promise<void>;
}
