import type { Awaitable } from '../awaitable.ts';
import type { Claims } from '../claims.ts';
import type { UserStore } from './user-store.ts';

/** A user made from the claims of a token: known for the length of one request. */
export interface ClaimsUser {
  readonly issuer: string;
  readonly subject: string;
  /** As the authorization server gives it, verified or not; `undefined` where it gives none. */
  readonly email: string | undefined;
  readonly name: string | undefined;
}

/**
 * Makes the user from the claims and stores nothing: the default, and enough for many APIs.
 *
 * It lets in whomever the authorization server vouches for. It does not know who was let in before, and cannot lock
 * anybody out; use a store with a table for that.
 */
export class ClaimsUserStore implements UserStore<ClaimsUser> {
  findBySubject(issuer: string, subject: string, claims: Claims): Awaitable<ClaimsUser> {
    return Object.freeze({ issuer, subject, email: text(claims.email), name: text(claims.name) });
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
