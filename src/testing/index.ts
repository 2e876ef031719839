export {
  userStoreContract,
  type TestRunner,
  type UserStoreFactory,
  type UserStoreUnderTest,
} from './user-store-contract.ts';
