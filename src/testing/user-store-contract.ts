import type { UserStore } from '../user/user-store.ts';
import {
  describeCreate,
  describeDisabled,
  describeFind,
  describeIssuers,
  describeProfile,
  describeRemoved,
} from './user-store-creation.ts';
import { describeLink, describeLinkBesideUsers } from './user-store-linking.ts';
import type { TestRunner } from './test-runner.ts';
import type { Capable, Test, UserStoreFactory, UserStoreUnderTest } from './user-store-under-test.ts';
import {
  describeUpdate,
  describeUpdatedAt,
  describeUpdatedProfile,
  describeUpdateOfRemoved,
} from './user-store-updating.ts';

export type { UserStoreFactory, UserStoreUnderTest };

/**
 * Tests that a user store keeps the contract, with values as a hostile token may have them. What a store cannot do is
 * not described; what it can do is tested in full. Await it at the top of a test file.
 *
 * @example Under node:test
 * {@includeCode ../../examples/guides/proving-a-user-store.ts}
 *
 * @category Use
 */
export async function userStoreContract<U>(runner: TestRunner, factory: UserStoreFactory<U>): Promise<void> {
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
      const tested = (await factory()) as Capable<U>;
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
