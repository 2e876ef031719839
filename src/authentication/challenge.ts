import {
  type AuthorizationServerError,
  type BearerError,
  type InsufficientScopeError,
  isResourceServerError,
} from '../errors.ts';
import type { Answer, Logger } from '../types.ts';

// Fixed texts: nothing of the token, its claims, or what the authorization server said.
const DESCRIPTIONS: Readonly<Record<BearerError, string>> = {
  invalid_request: 'Send one access token, in one Authorization header',
  invalid_token: 'The access token is not valid here',
  insufficient_scope: 'The access token lacks a scope that this resource asks for',
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

// RFC 6750 section 3: the characters of a scope. Routes name their scopes in code, where anything can be written.
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;
// RFC 9110 section 10.2.3. Backends of others throw what they like.
const SECONDS = /^\d{1,9}$/;

/** What {@link createChallenge} needs. */
export interface ChallengeOptions {
  /** The protection space named in every challenge: printable ASCII without quotes and backslashes. */
  readonly realm: string;
  readonly logger: Logger;
}

/**
 * Makes the function that turns an error into the HTTP answer, the same in every framework.
 *
 * Errors that this package does not throw become 500 without detail, and are logged. The function never throws.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-3 | RFC 6750 section 3}
 * @see {@link https://www.rfc-editor.org/rfc/rfc9457 | RFC 9457} for the body
 */
export function createChallenge(options: ChallengeOptions): (error: unknown) => Answer {
  const scheme = `Bearer realm="${options.realm}"`;
  // The answers that strangers can ask for at will are made once.
  const none = problemAnswer(401, 'unauthenticated', { 'www-authenticate': scheme });
  const refused = (status: number, error: BearerError, attributes = ''): Answer =>
    problemAnswer(status, error, {
      'www-authenticate': `${scheme}, error="${error}", error_description="${DESCRIPTIONS[error]}"${attributes}`,
    });
  const invalidRequest = refused(400, 'invalid_request');
  const invalidToken = refused(401, 'invalid_token');
  const failed = problemAnswer(500, 'server_error');

  const answerTo = (error: unknown): Answer => {
    switch (isResourceServerError(error) ? error.code : undefined) {
      case 'ERR_NO_CREDENTIALS':
        return none;
      case 'ERR_INVALID_REQUEST':
        return invalidRequest;
      case 'ERR_INVALID_TOKEN':
        return invalidToken;
      case 'ERR_INSUFFICIENT_SCOPE': {
        const scopes = (error as InsufficientScopeError).scopes.filter((scope) => SCOPE.test(scope));
        return refused(403, 'insufficient_scope', `, scope="${scopes.join(' ')}"`);
      }
      case 'ERR_AS_UNAVAILABLE':
      case 'ERR_AS_CLIENT_REJECTED':
      case 'ERR_AS_UNTRUSTED_RESPONSE':
        return unavailable((error as AuthorizationServerError).retryAfter);
      case 'ERR_USER_STORE':
      case 'ERR_DISABLED':
        return unavailable();
      case 'ERR_CLOSED':
        return unavailable(undefined, true);
      default:
        logUnforeseen(options.logger, error);
        return failed;
    }
  };
  return (error) => {
    try {
      return answerTo(error);
    } catch {
      // A logger that fails, or an error that throws when it is read, must not turn a refusal into a crash.
      return failed;
    }
  };
}

function unavailable(retryAfter?: number, closing = false): Answer {
  return problemAnswer(503, 'temporarily_unavailable', {
    ...(SECONDS.test(String(retryAfter)) && { 'retry-after': String(retryAfter) }),
    ...(closing && { connection: 'close' }),
  });
}

/** A refusal that nobody may keep (RFC 9457). */
export function problemAnswer(status: number, error: string, headers: Record<string, string> = {}): Answer {
  return Object.freeze({
    status,
    headers: Object.freeze({
      ...headers,
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
    }),
    body: JSON.stringify({ type: 'about:blank', title: TITLES[status], status, error }),
  });
}

function logUnforeseen(logger: Logger, error: unknown): void {
  const isError = error instanceof Error;
  // The stack begins with the message, which may hold anything.
  const stack = isError ? (error.stack ?? '').replace(error.message, '') : '';
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  logger.error(
    {
      event: 'request.failed',
      error: isError ? error.name : typeof error,
      stack: frames.slice(0, 8).map((line) => line.trim()),
    },
    'An error that nobody foresaw refused a request with 500. Its message is left out: it may hold secrets.',
  );
}
