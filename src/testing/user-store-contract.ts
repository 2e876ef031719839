import assert from 'node:assert/strict';
import type { UserProfile, UserStore } from '../user/user-store.ts';
import { HOSTILE_TEXTS, NOT_IDENTIFIERS, NOT_TEXT, shown, TWO_PEOPLE } from './hostile-subjects.ts';

/** What the suite needs of a test runner: Vitest, `node:test`, Mocha and Jest all have it. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
}

/** A store without users, and what the suite has to do behind its back. */
export interface UserStoreUnderTest<U> {
  readonly store: UserStore<U>;
  /** Adds a user with this e-mail address and no subject. Needed where the store has `linkByVerifiedEmail`. */
  addUnlinked?(email: string): Promise<void>;
  /** Locks a user out. Needed where the store has `isActive`. */
  disable?(user: U): Promise<void>;
  /** Deletes a user. */
  remove?(user: U): Promise<void>;
  /** What the store keeps of a profile; only the members that it has are looked at. */
  profileOf?(user: U): Partial<Record<'email' | 'fullName' | 'shortName', unknown>>;
  /** The store is for one issuer, so that the subject alone is the key. */
  readonly oneIssuer?: boolean;
  close?(): Promise<void>;
}

/** Makes an empty store; called for each test, and once before. */
export type UserStoreFactory<U> = () => Promise<UserStoreUnderTest<U>>;

type Required<U> = UserStoreUnderTest<U> & {
  store: { [K in 'create' | 'update' | 'updatedAt' | 'linkByVerifiedEmail' | 'isActive']-?: NonNullable<UserStore<U>[K]> };
} & { [K in 'addUnlinked' | 'disable' | 'remove' | 'profileOf']-?: NonNullable<UserStoreUnderTest<U>[K]> };
type Test<U> = (name: string, body: (tested: Required<U>) => Promise<void>) => void;

const ISSUER = 'https://auth.example.com';
const EMAIL = 'alice@example.com';
const PROFILE: UserProfile = { claims: {}, email: EMAIL, fullName: 'Alice Doe', shortName: 'Alice' };

/**
 * Tests that a user store keeps the contract, with values as a hostile token may have them. What a store cannot do is
 * not described; what it can do is tested in full. Await it at the top of a test file:
 *
 * ```ts
 * await userStoreContract({ describe, it }, async () => ({ store: new TeamUserStore(await emptyDatabase()) }));
 * ```
 *
 * @category Use
 */
export async function userStoreContract<U>(
  runner: TestRunner,
  factory: UserStoreFactory<U>,
): Promise<void> {
  const probe = await factory();
  const { store, oneIssuer } = probe;
  const needs: [keyof UserStore<U>, keyof UserStoreUnderTest<U>][] = [
    ['linkByVerifiedEmail', 'addUnlinked'],
    ['isActive', 'disable'],
  ];
  for (const [method, help] of needs) {
    if (store[method] !== undefined && probe[help] === undefined) {
      throw new TypeError(`The store has ${method}: to test it, the factory has to give "${help}".`);
    }
  }
  const has = (...names: (keyof UserStore<U> | keyof UserStoreUnderTest<U>)[]): boolean =>
    names.every((name) => (store as never)[name] !== undefined || (probe as never)[name] !== undefined);
  await probe.close?.();

  const test: Test<U> = (name, body) =>
    runner.it(name, async () => {
      const tested = (await factory()) as Required<U>;
      try {
        await body(tested);
      } finally {
        await tested.close?.();
      }
    });

  runner.describe('findBySubject', () => {
    describeFind(test);
  });
  if (has('create')) {
    runner.describe('create', () => {
      describeCreate(test);
      if (oneIssuer !== true) describeIssuers(test);
      if (has('disable', 'isActive')) describeDisabled(test);
      if (has('remove')) describeRemoved(test);
      if (has('profileOf')) describeProfile(test);
    });
  }
  if (has('create', 'update')) {
    runner.describe('update', () => {
      describeUpdate(test);
      if (has('updatedAt')) describeUpdatedAt(test);
      if (has('profileOf')) describeUpdatedProfile(test);
      if (has('remove')) describeUpdateOfRemoved(test);
    });
  }
  if (has('linkByVerifiedEmail')) {
    runner.describe('linkByVerifiedEmail', () => {
      describeLink(test);
      if (has('create')) describeLinkBesideUsers(test);
    });
  }
}
