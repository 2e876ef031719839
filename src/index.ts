/**
 * Everything that does not depend on a framework: what an application uses, what it extends, and the errors.
 *
 * @module oidc-resource-server
 */

// Use
export { createResourceServer } from './resource-server.ts';
export type { ResourceServerOptions } from './composition.ts';
export {
  registerBackend,
  type BackendClass,
  type BackendProvider,
  container,
  type DependencyContainer,
} from './container.ts';
export {
  loadSettings,
  type SettingName,
  type Settings,
  type SettingsInput,
  type SettingsOptions,
} from './settings.ts';
export type {
  Answer,
  Authentication,
  AuthenticationFor,
  ClientAuthentication,
  Endpoint,
  Logger,
  NoRequirements,
  ReadBody,
  Register,
  RegisteredAuthentication,
  Requirements,
  ResourceRequest,
  ResourceServer,
  RevocationTarget,
  UserAuthentication,
} from './types.ts';
export type { Awaitable } from './awaitable.ts';
export type { Claims } from './claims.ts';
export { AccessToken, Secret, type TokenScheme } from './secret.ts';

// Extend
export { ResourceServerBackend, type BackendDependencies } from './backend/resource-server-backend.ts';
export { IntrospectionResourceServerBackend } from './backend/introspection-backend.ts';
export { JWTResourceServerBackend } from './backend/jwt-introspection-backend.ts';
export {
  AuthorizationServerClient,
  type AuthorizationServerClientDependencies,
} from './authorization-server/authorization-server-client.ts';
export { UserinfoClient } from './authorization-server/userinfo.ts';
export { JWTAuthorizationServerClient } from './authorization-server/jwt-authorization-server-client.ts';
export type { AuthorizationServerMetadata, MetadataOptions } from './authorization-server/metadata.ts';
export type { EndpointSetting } from './authorization-server/metadata-document.ts';
export type { Exchange, ExchangeOptions } from './authorization-server/exchange.ts';
export type {
  SignatureRequirements,
  SigningKeys,
  SigningKeysOptions,
  Verified,
} from './authorization-server/signing-keys.ts';
export type {
  Decrypted,
  KeyType,
  PrivateKeys,
  PrivateKeysOptions,
  PublicJwk,
  PublicJwkSet,
} from './key/private-keys.ts';
export { ClaimsUserStore, type ClaimsUser } from './user/claims-user-store.ts';
export { MemoryUserStore, type MemoryUser } from './user/memory-user-store.ts';
export type { UserProfile, UserStore } from './user/user-store.ts';
export type { CachedClaims, ClaimsCache, RevocationMark } from './cache/claims-cache.ts';
export { FetchHttpAdapter } from './http/fetch-adapter.ts';
export {
  HttpError,
  type HttpErrorKind,
  type HttpAdapter,
  type HttpRequest,
  type HttpResponse,
} from './http/http-adapter.ts';
export type { SenderConstraint } from './constraint/sender-constraint.ts';

// Errors
export {
  AuthorizationServerError,
  type AuthorizationServerErrorCode,
  type BearerError,
  ChallengeError,
  ConfigurationError,
  type ErrorCode,
  InsufficientScopeError,
  InvalidRequestError,
  type InvalidRequestReason,
  InvalidTokenError,
  type InvalidTokenReason,
  isResourceServerError,
  NoCredentialsError,
  ResourceServerError,
  UnavailableError,
  UserStoreError,
} from './errors.ts';
