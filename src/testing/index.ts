/**
 * For tests of what you plug in. No test runner is imported: yours is handed over.
 *
 * @module oidc-resource-server/testing
 */
export {
  userStoreContract,
  type TestRunner,
  type UserStoreFactory,
  type UserStoreUnderTest,
} from './user-store-contract.ts';
