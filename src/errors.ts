/** What is wrong with a token or its user. It goes to the log; the caller of the API is not told. */
export type InvalidTokenReason =
  | 'inactive'
  | 'expired'
  | 'not_yet_valid'
  | 'issuer'
  | 'audience'
  | 'resource'
  | 'token_type'
  | 'too_long'
  | 'subject'
  | 'client'
  | 'confirmation'
  | 'claims'
  | 'userinfo'
  | 'essential_claims'
  | 'unknown_user'
  | 'disabled_user';

/** What is wrong with the credentials in a request. It goes to the log. */
export type InvalidRequestReason = 'several_headers' | 'malformed' | 'query';

/** Everything that `error.code` can be. */
export type ErrorCode =
  | 'ERR_CONFIGURATION'
  | 'ERR_DISABLED'
  | 'ERR_CLOSED'
  | 'ERR_AS_UNAVAILABLE'
  | 'ERR_AS_CLIENT_REJECTED'
  | 'ERR_AS_UNTRUSTED_RESPONSE'
  | 'ERR_USER_STORE'
  | 'ERR_NO_CREDENTIALS'
  | 'ERR_INVALID_REQUEST'
  | 'ERR_INVALID_TOKEN'
  | 'ERR_INSUFFICIENT_SCOPE';

// Marks our errors, so that those of another copy of this package are known too.
const BRAND: unique symbol = Symbol.for('oidc-resource-server.error');

/**
 * The base of every error that this package throws on purpose.
 *
 * Decide by `code`, not by `instanceof`: two copies of the package in one process have two classes and one code.
 */
export abstract class ResourceServerError extends Error {
  /** The stable name of the error; see the error reference. */
  readonly code: ErrorCode;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name; // each class has it as a literal: minifiers rename classes, not properties
  }
}

/** Whether an error is one of this package, of this or another copy of it. Then decide by its `code`. */
export function isResourceServerError(error: unknown): error is ResourceServerError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** Thrown at the start only: the settings or the options cannot work. It lists every problem at once. */
export class ConfigurationError extends ResourceServerError {
  static override readonly name = 'ConfigurationError';
  /** One sentence a problem, each beginning with the setting's name. Never the value of a secret. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    const list = problems.map((problem) => `\n  - ${problem}`).join('');
    super('ERR_CONFIGURATION', `The resource server cannot start. Correct these settings:${list}`, options);
    this.problems = Object.freeze([...problems]);
  }
}

/** Nobody is let in: the resource server is switched off (`ERR_DISABLED`) or has been closed (`ERR_CLOSED`). Answer 503. */
export class UnavailableError extends ResourceServerError {
  static override readonly name = 'UnavailableError';
  declare readonly code: 'ERR_DISABLED' | 'ERR_CLOSED';

  constructor(code: 'ERR_DISABLED' | 'ERR_CLOSED') {
    super(
      code,
      code === 'ERR_DISABLED'
        ? 'The resource server is switched off. Set OIDC_RESOURCE_SERVER_ENABLED=true to let requests in.'
        : 'The resource server has been closed and lets no request in.',
    );
  }
}

/** What went wrong between this resource server and the authorization server. */
export type AuthorizationServerErrorCode =
  'ERR_AS_UNAVAILABLE' | 'ERR_AS_CLIENT_REJECTED' | 'ERR_AS_UNTRUSTED_RESPONSE';

/**
 * The authorization server could not be asked, refused this resource server's own credentials, or gave an
 * answer that cannot be trusted. Never the token's fault, so the answer is 503 and never 401.
 */
export class AuthorizationServerError extends ResourceServerError {
  static override readonly name = 'AuthorizationServerError';
  declare readonly code: AuthorizationServerErrorCode;
  /** Seconds after which a caller may try again, where that is known. */
  readonly retryAfter: number | undefined;

  constructor(code: AuthorizationServerErrorCode, message: string, retryAfter?: number) {
    super(code, message);
    this.retryAfter = retryAfter;
  }
}

/** The user store threw, or took longer than `OIDC_TIMEOUT`. Answer 503; the store's own error is `cause`. */
export class UserStoreError extends ResourceServerError {
  static override readonly name = 'UserStoreError';
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_USER_STORE', message, options);
  }
}

/** The error codes of RFC 6750 section 3.1. */
export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

/**
 * A request that is refused for what it brought: the answer carries a `WWW-Authenticate` challenge.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-3 | RFC 6750 section 3}
 */
export abstract class ChallengeError extends ResourceServerError {
  /** The HTTP status of the answer. */
  readonly status: 400 | 401 | 403;
  /** The error code of RFC 6750; `undefined` when the request brought no credentials. */
  readonly error: BearerError | undefined;
  /** Why, for the log. */
  readonly reason: string;

  constructor(
    code: ErrorCode,
    status: 400 | 401 | 403,
    error: BearerError | undefined,
    reason: string,
    message: string,
  ) {
    super(code, message);
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

/** The request brought no access token, or another authentication scheme. Answer 401 without an error code. */
export class NoCredentialsError extends ChallengeError {
  static override readonly name = 'NoCredentialsError';
  constructor() {
    super(
      'ERR_NO_CREDENTIALS',
      401,
      undefined,
      'no_credentials',
      'The request has no access token. Send one as "Authorization: Bearer <token>".',
    );
  }
}

/** The credentials are malformed, sent twice, or in the query. Answer 400. */
export class InvalidRequestError extends ChallengeError {
  static override readonly name = 'InvalidRequestError';
  declare readonly reason: InvalidRequestReason;

  constructor(reason: InvalidRequestReason, message: string) {
    super('ERR_INVALID_REQUEST', 400, 'invalid_request', reason, message);
  }
}

/** The token is dead, not meant for this API, or its user may not come in. Answer 401. */
export class InvalidTokenError extends ChallengeError {
  static override readonly name = 'InvalidTokenError';
  /**
   * @param reason Why, for the log. A hook of your own may name a reason of its own; keep to a few fixed words.
   * @param message A sentence for the log: what is wrong and what to do. Nothing secret.
   */

  constructor(reason: InvalidTokenReason | (string & {}), message: string) {
    super('ERR_INVALID_TOKEN', 401, 'invalid_token', reason, message);
  }
}

/** The token is good and lacks a scope that the route asks for. Answer 403. */
export class InsufficientScopeError extends ChallengeError {
  static override readonly name = 'InsufficientScopeError';
  /** Every scope that the route asks for; the answer names them so that the client can ask for them. */
  readonly scopes: readonly string[];

  constructor(scopes: readonly string[]) {
    super(
      'ERR_INSUFFICIENT_SCOPE',
      403,
      'insufficient_scope',
      'scope',
      `The access token lacks a scope. This route asks for: ${scopes.join(' ')}.`,
    );
    this.scopes = Object.freeze([...scopes]);
  }
}
