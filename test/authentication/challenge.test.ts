import { describe, expect, it, vi } from 'vitest';
import { createChallenge } from '../../src/authentication/challenge.ts';
import {
  AuthorizationServerError,
  ConfigurationError,
  InsufficientScopeError,
  InvalidRequestError,
  type InvalidRequestReason,
  InvalidTokenError,
  type InvalidTokenReason,
  NoCredentialsError,
  UnavailableError,
  UserStoreError,
} from '../../src/errors.ts';
import type { Answer } from '../../src/types.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const logger = new RecordingLogger();
const challenge = createChallenge({ realm: 'api', logger });

const TOKEN_REASONS: readonly InvalidTokenReason[] = [
  'inactive',
  'expired',
  'not_yet_valid',
  'issuer',
  'audience',
  'resource',
  'token_type',
  'too_long',
  'subject',
  'client',
  'confirmation',
  'unknown_user',
  'disabled_user',
];
const REQUEST_REASONS: readonly InvalidRequestReason[] = ['several_headers', 'malformed', 'query'];

/** An answer with the headers that every refusal has. */
function answer(
  status: number,
  title: string,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { ...headers, 'cache-control': 'no-store', 'content-type': 'application/problem+json' },
    body: `{"type":"about:blank","title":"${title}","status":${status},"error":"${error}"}`,
  };
}

const NONE = answer(401, 'Unauthorized', 'unauthenticated', { 'www-authenticate': 'Bearer realm="api"' });
const REQUEST = answer(400, 'Bad Request', 'invalid_request', {
  'www-authenticate':
    'Bearer realm="api", error="invalid_request", error_description="Send one access token, in one Authorization header"',
});
const TOKEN = answer(401, 'Unauthorized', 'invalid_token', {
  'www-authenticate':
    'Bearer realm="api", error="invalid_token", error_description="The access token is not valid here"',
});
const SCOPE = answer(403, 'Forbidden', 'insufficient_scope', {
  'www-authenticate':
    'Bearer realm="api", error="insufficient_scope", ' +
    'error_description="The access token lacks a scope that this resource asks for", scope="groups profile"',
});
const DOWN = answer(503, 'Service Unavailable', 'temporarily_unavailable');
const FAILED = answer(500, 'Internal Server Error', 'server_error');

describe('the answer', () => {
  it.each<[string, Error, Answer]>([
    ['no credentials (R1)', new NoCredentialsError(), NONE],
    ...REQUEST_REASONS.map((reason): [string, Error, Answer] => [
      `a malformed request: ${reason} (R2, R3, R4)`,
      new InvalidRequestError(reason, 'for the log'),
      REQUEST,
    ]),
    ...TOKEN_REASONS.map((reason): [string, Error, Answer] => [
      `a token that is not good: ${reason} (E4)`,
      new InvalidTokenError(reason, 'for the log'),
      TOKEN,
    ]),
    ["a token that is not good: a hook's own reason (E4)", new InvalidTokenError('on_leave', ''), TOKEN],
    ['a missing scope', new InsufficientScopeError(['groups', 'profile']), SCOPE],
    ['an authorization server that is down', new AuthorizationServerError('ERR_AS_UNAVAILABLE', ''), DOWN],
    ['credentials of ours that are wrong', new AuthorizationServerError('ERR_AS_CLIENT_REJECTED', ''), DOWN],
    ['an answer to distrust', new AuthorizationServerError('ERR_AS_UNTRUSTED_RESPONSE', ''), DOWN],
    ['a user store that fails (U8)', new UserStoreError(''), DOWN],
    ['a resource server that is switched off', new UnavailableError('ERR_DISABLED'), DOWN],
    ['settings that are wrong', new ConfigurationError(['OIDC_RS_REALM is wrong']), FAILED],
    ['anything else (R9)', new TypeError('x is not a function'), FAILED],
  ])('to %s is as the RFCs say, byte for byte', (_, error, expected) => {
    expect(challenge(error)).toEqual(expected);
  });

  it('to the requests after a shutdown closes the connection (X1)', () => {
    expect(challenge(new UnavailableError('ERR_CLOSED'))).toEqual({
      ...DOWN,
      headers: { ...DOWN.headers, connection: 'close' },
    });
  });

  it('says when to try again, where that is known (A6)', () => {
    for (const seconds of [0, 1, 120, 3600]) {
      for (const code of ['ERR_AS_UNAVAILABLE', 'ERR_AS_CLIENT_REJECTED'] as const) {
        expect(challenge(new AuthorizationServerError(code, '', seconds))).toEqual({
          ...DOWN,
          headers: { ...DOWN.headers, 'retry-after': String(seconds) },
        });
      }
    }
  });

  it.each([undefined, null, NaN, Infinity, -1, 1.5, 1e21, '', '1\r\nX-Injected: 1', {}])(
    'says nothing where a backend of others says to try again after %j (A6)',
    (seconds) => {
      const error = new AuthorizationServerError('ERR_AS_UNAVAILABLE', '', seconds as number);
      expect(challenge(error)).toEqual(DOWN);
    },
  );

  it('names the realm that is set', () => {
    const other = createChallenge({ realm: 'Team #1, staging', logger });
    expect(other(new NoCredentialsError()).headers['www-authenticate']).toBe(
      'Bearer realm="Team #1, staging"',
    );
    expect(other(new InvalidTokenError('inactive', '')).headers['www-authenticate']).toMatch(
      /^Bearer realm="Team #1, staging", error="invalid_token"/,
    );
  });

  it('is frozen, since it is shared', () => {
    for (const error of [new NoCredentialsError(), new InvalidTokenError('inactive', ''), new Error()]) {
      expect(challenge(error)).toBe(challenge(error));
      expect(Object.isFrozen(challenge(error)) && Object.isFrozen(challenge(error).headers)).toBe(true);
    }
    expect(Object.isFrozen(challenge(new InsufficientScopeError([])).headers)).toBe(true);
  });

  it('is never logged: refusals were, where they were found', () => {
    logger.records.length = 0;
    challenge(new NoCredentialsError());
    challenge(new InvalidTokenError('inactive', ''));
    challenge(new AuthorizationServerError('ERR_AS_UNAVAILABLE', ''));
    challenge(new UserStoreError(''));
    expect(logger.records).toEqual([]);
  });
});

describe('what it says', () => {
  it('is a fixed text in the characters of RFC 6750, and nothing of the error (E4)', () => {
    const secret = 'token=s3cret';
    for (const error of [
      new InvalidRequestError('malformed', secret),
      new InvalidTokenError('inactive', secret),
      new AuthorizationServerError('ERR_AS_UNAVAILABLE', secret),
      new UserStoreError(secret, { cause: new Error(secret) }),
      new Error(secret, { cause: secret }),
    ]) {
      expect(JSON.stringify(challenge(error))).not.toContain('s3cret');
    }
    for (const { headers } of [REQUEST, TOKEN, SCOPE]) {
      expect(headers['www-authenticate']).toMatch(/error_description="[\x20-\x21\x23-\x5B\x5D-\x7E]+"/);
    }
  });

  const scopeOf = (...scopes: string[]): unknown =>
    /, scope="(.*)"$/.exec(
      String(challenge(new InsufficientScopeError(scopes)).headers['www-authenticate']),
    )?.[1];

  it('are the scopes that the route asks for, in its order', () => {
    expect(scopeOf('b', 'a', 'https://example.com/c', "!#[]~'")).toBe("b a https://example.com/c !#[]~'");
  });

  it.each([
    'a"b',
    'a\\b',
    'a b',
    '',
    ' ',
    'a\tb',
    'a\r\nX-Injected: 1',
    'a\nb',
    'a\0',
    'é',
    '…',
    '\u007f',
    'x", error="invalid_token',
  ])('is not broken by a scope outside of the grammar: %j (E2)', (scope) => {
    expect(scopeOf('good', scope, 'groups')).toBe('good groups');
    expect(scopeOf(scope)).toBe('');
  });
});

describe('errors of another copy of this package', () => {
  it('get the same answers: the code decides, not instanceof (X7)', async () => {
    vi.resetModules();
    const copy = await import('../../src/errors.ts');
    expect(copy.InvalidTokenError).not.toBe(InvalidTokenError);
    for (const [error, expected] of [
      [new copy.NoCredentialsError(), NONE],
      [new copy.InvalidRequestError('query', ''), REQUEST],
      [new copy.InvalidTokenError('expired', ''), TOKEN],
      [new copy.InsufficientScopeError(['groups', 'profile']), SCOPE],
      [new copy.AuthorizationServerError('ERR_AS_UNAVAILABLE', ''), DOWN],
      [new copy.UserStoreError(''), DOWN],
      [new copy.UnavailableError('ERR_DISABLED'), DOWN],
    ] as const) {
      expect(challenge(error)).toEqual(expected);
    }
  });

  it('are not guessed from a code alone (X7)', () => {
    for (const error of [
      { code: 'ERR_NO_CREDENTIALS' },
      Object.assign(new Error(), { code: 'ERR_INVALID_TOKEN', status: 401 }),
    ]) {
      expect(challenge(error)).toEqual(FAILED);
    }
  });

  it('of a newer version, with a code that nobody knows, are 500 (X7)', () => {
    const error = Object.assign(new NoCredentialsError(), { code: 'ERR_OF_THE_FUTURE' });
    expect(challenge(error)).toEqual(FAILED);
  });
});

describe('errors that nobody foresaw', () => {
  function logged(error: unknown): { text: string; fields: Record<string, unknown> } {
    logger.records.length = 0;
    expect(challenge(error)).toEqual(FAILED);
    const { level, fields } = logger.only;
    expect(level).toBe('error');
    return { text: logger.text, fields };
  }

  it('are logged by class and stack, without their message (E1, E6)', () => {
    class DatabaseError extends Error {
      override name = 'DatabaseError';
    }
    const { text, fields } = logged(new DatabaseError('password=hunter2'));
    expect(fields).toEqual({
      event: 'request.failed',
      error: 'DatabaseError',
      stack: expect.arrayContaining([expect.stringMatching(/^at .*challenge\.test\.ts/)]) as unknown,
    });
    expect((fields.stack as string[]).length).toBeLessThanOrEqual(8);
    expect(text).not.toContain('hunter2');
  });

  it.each([
    ['of several lines', new Error('one hunter2\ntwo hunter2')],
    ['that looks like a stack', new Error('failed\n    at hunter2 (file:///hunter2.ts:1:1)')],
    ['of a cause', new Error('failed', { cause: new Error('hunter2') })],
    ['of an aggregate', new AggregateError([new Error('hunter2')], 'hunter2')],
    ['in a text', 'hunter2'],
    ['in an object', { message: 'hunter2', stack: '    at hunter2' }],
  ])('say nothing of a message %s (E1)', (_, error) => {
    expect(logged(error).text).not.toContain('hunter2');
  });

  it.each([
    ['undefined', undefined],
    ['object', null],
    ['number', 42],
    ['symbol', Symbol('hunter2')],
    ['function', () => 'hunter2'],
    ['object', Object.create(null)],
  ])('may be no errors at all: %s', (type, error) => {
    const { fields, text } = logged(error);
    expect(fields).toMatchObject({ error: type, stack: [] });
    expect(text).not.toContain('hunter2');
  });

  it('may have no stack', () => {
    const error = new Error('hunter2');
    delete error.stack;
    expect(logged(error).fields.stack).toEqual([]);
  });
});

describe('it never throws (R9)', () => {
  const thrower = (): never => {
    throw new Error('broken');
  };

  it('with a logger that does', () => {
    const broken = { debug: thrower, info: thrower, warn: thrower, error: thrower };
    expect(createChallenge({ realm: 'api', logger: broken })(new Error())).toEqual(FAILED);
  });

  it.each<[string, unknown]>([
    ['whose members throw', Object.defineProperty(new Error(), 'stack', { get: thrower })],
    ['that are proxies which throw', new Proxy(new Error(), { has: thrower, get: thrower })],
    [
      'of ours that lost their members',
      Object.defineProperty(new InsufficientScopeError([]), 'scopes', { value: undefined }),
    ],
  ])('with errors %s', (_, error) => {
    expect(challenge(error)).toEqual(FAILED);
  });
});
