import type { UserProfile, UserStore } from '../user/user-store.ts';

/** A store without users, and what the suite has to do behind its back. */
export interface UserStoreUnderTest<U> {
  readonly store: UserStore<U>;
  /** Adds a user with this e-mail address and no subject. Needed where the store has `linkByVerifiedEmail`. */
  readonly addUnlinked?: (email: string) => Promise<void>;
  /** Locks a user out. Needed where the store has `isActive`. */
  readonly disable?: (user: U) => Promise<void>;
  /** Deletes a user. */
  readonly remove?: (user: U) => Promise<void>;
  /** What the store keeps of a profile; only the members that it has are looked at. */
  readonly profileOf?: (user: U) => Partial<Record<'email' | 'fullName' | 'shortName', unknown>>;
  /** The store is for one issuer, so that the subject alone is the key. */
  readonly oneIssuer?: boolean;
  /** Called after each test. */
  readonly close?: () => Promise<void>;
}

/** Makes an empty store; called for each test, and once before. */
export type UserStoreFactory<U> = () => Promise<UserStoreUnderTest<U>>;

/** One with all that a test needs; the suite looks before it describes the test. */
export type Capable<U> = UserStoreUnderTest<U> & {
  store: {
    [K in 'create' | 'update' | 'updatedAt' | 'linkByVerifiedEmail' | 'isActive']-?: NonNullable<
      UserStore<U>[K]
    >;
  };
} & { [K in 'addUnlinked' | 'disable' | 'remove' | 'profileOf']-?: NonNullable<UserStoreUnderTest<U>[K]> };
/** Describes one test, with an empty store of its own. */
export type Test<U> = (name: string, body: (tested: Capable<U>) => Promise<void>) => void;

export const ISSUER = 'https://auth.example.com';
export const EMAIL = 'alice@example.com';
export const PROFILE: UserProfile = { claims: {}, email: EMAIL, fullName: 'Alice Doe', shortName: 'Alice' };

/** Who is found; nobody, too, where the store refuses the question. */
export async function foundOrRefused<U>(store: UserStore<U>, subject: string): Promise<U | undefined> {
  try {
    return await store.findBySubject(ISSUER, subject, {});
  } catch {
    return undefined;
  }
}
