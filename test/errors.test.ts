import { describe, expect, it, vi } from 'vitest';
import {
  AuthorizationServerError,
  ChallengeError,
  ConfigurationError,
  type ErrorCode,
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  isResourceServerError,
  NoCredentialsError,
  ResourceServerError,
  UnavailableError,
  UserStoreError,
} from '../src/errors.ts';

const SAMPLES: readonly (readonly [ErrorCode, string, ResourceServerError])[] = [
  ['ERR_CONFIGURATION', 'ConfigurationError', new ConfigurationError(['OIDC_OP_URL is missing'])],
  ['ERR_DISABLED', 'UnavailableError', new UnavailableError('ERR_DISABLED')],
  ['ERR_CLOSED', 'UnavailableError', new UnavailableError('ERR_CLOSED')],
  [
    'ERR_AS_UNAVAILABLE',
    'AuthorizationServerError',
    new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'down'),
  ],
  [
    'ERR_AS_CLIENT_REJECTED',
    'AuthorizationServerError',
    new AuthorizationServerError('ERR_AS_CLIENT_REJECTED', 'refused'),
  ],
  [
    'ERR_AS_UNTRUSTED_RESPONSE',
    'AuthorizationServerError',
    new AuthorizationServerError('ERR_AS_UNTRUSTED_RESPONSE', 'odd'),
  ],
  ['ERR_USER_STORE', 'UserStoreError', new UserStoreError('broken')],
  ['ERR_NO_CREDENTIALS', 'NoCredentialsError', new NoCredentialsError()],
  ['ERR_INVALID_REQUEST', 'InvalidRequestError', new InvalidRequestError('malformed', 'odd')],
  ['ERR_INVALID_TOKEN', 'InvalidTokenError', new InvalidTokenError('inactive', 'dead')],
  ['ERR_INSUFFICIENT_SCOPE', 'InsufficientScopeError', new InsufficientScopeError(['groups'])],
];

describe('the family', () => {
  it.each(SAMPLES)('%s is the code of %s', (code, name, error) => {
    expect(error).toMatchObject({ code, name });
    expect(error).toBeInstanceOf(ResourceServerError);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).not.toBe('');
    expect(error.stack).toContain(error.message);
    expect(isResourceServerError(error)).toBe(true);
  });

  it.each([undefined, null, 'text', 42, new Error('other'), { code: 'ERR_NO_CREDENTIALS' }, () => undefined])(
    'does not have %s in it',
    (value) => {
      expect(isResourceServerError(value)).toBe(false);
    },
  );

  it('knows errors of another copy of this package, and classes that extend its own (X7)', async () => {
    vi.resetModules();
    const copy = await import('../src/errors.ts');
    const error = new copy.NoCredentialsError();
    expect(error).not.toBeInstanceOf(NoCredentialsError);
    expect(isResourceServerError(error)).toBe(true);

    class OnLeaveError extends InvalidTokenError {}
    expect(new OnLeaveError('on_leave', 'back on Monday')).toMatchObject({
      name: 'OnLeaveError',
      code: 'ERR_INVALID_TOKEN',
      reason: 'on_leave',
    });
  });
});

describe('challenges', () => {
  it.each([
    [new NoCredentialsError(), 401, undefined, 'no_credentials'],
    [new InvalidRequestError('several_headers', ''), 400, 'invalid_request', 'several_headers'],
    [new InvalidTokenError('expired', ''), 401, 'invalid_token', 'expired'],
    [new InsufficientScopeError([]), 403, 'insufficient_scope', 'scope'],
  ] as [ChallengeError, number, string | undefined, string][])(
    '%s: %i %s for %s',
    (challenge, status, error, reason) => {
      expect(challenge).toBeInstanceOf(ChallengeError);
      expect([challenge.status, challenge.error, challenge.reason]).toEqual([status, error, reason]);
    },
  );

  it('are not what faults of ours are', () => {
    for (const [code, , error] of SAMPLES.slice(0, 7)) {
      expect([code, error instanceof ChallengeError]).toEqual([code, false]);
    }
  });

  it('of scopes name all that the route asks for, as a copy', () => {
    const scopes = ['groups', 'profile'];
    const error = new InsufficientScopeError(scopes);
    scopes.push('admin');
    expect(error.scopes).toEqual(['groups', 'profile']);
    expect(Object.isFrozen(error.scopes)).toBe(true);
    expect(error.message).toContain('groups profile');
  });
});

describe('what an error carries', () => {
  it('is the error of the store as its cause, and not in its message (E1)', () => {
    const cause = new Error('password=hunter2');
    const error = new UserStoreError('The user store failed.', { cause });
    expect(error.cause).toBe(cause);
    expect(error.message).not.toContain('hunter2');
    expect(new UserStoreError('').cause).toBeUndefined();
  });

  it('is no cause from the authorization server, but when to try again (A9)', () => {
    const error = new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'down', 30);
    expect([error.retryAfter, error.cause]).toEqual([30, undefined]);
    expect(new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'down').retryAfter).toBeUndefined();
  });

  it('are all problems at once, a line for each', () => {
    const problems = ['OIDC_OP_URL is missing', 'OIDC_TIMEOUT must be a number'];
    const error = new ConfigurationError(problems, { cause: 'why' });
    expect(error.problems).toEqual(problems);
    expect(error.problems).not.toBe(problems);
    expect(Object.isFrozen(error.problems)).toBe(true);
    expect(error.cause).toBe('why');
    expect(error.message.split('\n')).toEqual([
      'The resource server cannot start. Correct these settings:',
      '  - OIDC_OP_URL is missing',
      '  - OIDC_TIMEOUT must be a number',
    ]);
  });

  it('is what to do next, where it is known', () => {
    expect(new UnavailableError('ERR_DISABLED').message).toContain('OIDC_RESOURCE_SERVER_ENABLED=true');
    expect(new NoCredentialsError().message).toContain('Authorization: Bearer');
  });
});
