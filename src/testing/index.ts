/**
 * For tests of an API, and of what you plug in. No test runner is imported: yours is handed over.
 *
 * @module oidc-resource-server/testing
 */
export { startTestAuthorizationServer } from './authorization-server.ts';
export type {
  ContentEncryptionAlg,
  KeyManagementAlg,
  TestAuthorizationServerOptions,
  TestClient,
  TestJwkSet,
} from './authorization-server-options.ts';
export type { TestAuthorizationServer, TestEndpoints } from './authorization-server-surface.ts';
export type { ClientTokenRequest, TokenRequest, Tokens } from './token-request.ts';
export type { TestRunner } from './test-runner.ts';
export { userStoreContract, type UserStoreFactory, type UserStoreUnderTest } from './user-store-contract.ts';
export { fakeResourceServer, type FakeResourceServerOptions } from './fake-resource-server.ts';
export type { FakeClientToken, FakePersonToken, FakeToken } from './fake-tokens.ts';
export {
  claimsCacheContract,
  type ClaimsCacheFactory,
  type ClaimsCacheUnderTest,
} from './claims-cache-contract.ts';
export {
  httpAdapterContract,
  type HttpAdapterContractOptions,
  type HttpAdapterFactory,
} from './http-adapter-contract.ts';
export {
  senderConstraintContract,
  type SenderConstraintFactory,
  type SenderConstraintUnderTest,
  type TestSender,
} from './sender-constraint-contract.ts';
