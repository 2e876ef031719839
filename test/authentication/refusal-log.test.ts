import { createHash, createHmac } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { logRefusal } from '../../src/authentication/refusal-log.ts';
import type { AuthorizationServerClient } from '../../src/authorization-server/authorization-server-client.ts';
import { IntrospectionResourceServerBackend } from '../../src/backend/introspection-backend.ts';
import type { Claims } from '../../src/claims.ts';
import {
  AuthorizationServerError,
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  NoCredentialsError,
  UserStoreError,
} from '../../src/errors.ts';
import { stderrLogger } from '../../src/logger.ts';
import { AccessToken } from '../../src/secret.ts';
import { ClaimsUserStore } from '../../src/user/claims-user-store.ts';
import { MemoryUserStore } from '../../src/user/memory-user-store.ts';
import {
  CLAIMS,
  claimsWith,
  dependenciesWith,
  fakeFlow,
  type FakeFlowOptions,
  requestWith,
} from '../support/fake-backend.ts';
import { type LogRecord, RecordingLogger } from '../support/recording-logger.ts';

const REFERENCE = expect.stringMatching(/^[0-9a-f]{8}$/) as unknown;
const TOKEN = new AccessToken('s3cret-t0ken');

function logged(error: unknown, token?: AccessToken, claims?: Claims): LogRecord {
  const logger = new RecordingLogger();
  logRefusal(logger, error, token, claims);
  return logger.only;
}

/** What the flow logs for a request that it refuses. */
async function refusalIn(options: FakeFlowOptions, request = requestWith('s3cret-t0ken')) {
  const flow = fakeFlow(options);
  await expect(flow.authenticate(request, { scopes: ['groups'] })).rejects.toBeInstanceOf(Error);
  return flow.logger.only;
}

describe('the event', () => {
  const dead = () => Promise.reject(new InvalidTokenError('expired', 'The token has expired.'));
  const ofToken = { token_ref: REFERENCE, client_id: 'web-app', user_ref: REFERENCE };

  it.each<[string, string, FakeFlowOptions, object]>([
    ['a missing scope', 'info token.rejected', { claims: claimsWith({ scope: '' }) }, { reason: 'scope' }],
    ['key-bound', 'warn token.rejected', { claims: claimsWith({ cnf: {} }) }, { reason: 'confirmation' }],
    [
      'from another caller',
      'warn token.rejected',
      { settings: { OIDC_RS_ALLOWED_AUDIENCES: ['mobile-app'] } },
      { reason: 'audience' },
    ],
    [
      'of nobody known',
      'warn user.refused',
      { userStore: new MemoryUserStore() },
      { reason: 'unknown_user' },
    ],
    [
      'of somebody locked out',
      'warn user.refused',
      { userStore: { findBySubject: () => Promise.resolve('Alice'), isActive: () => false } },
      { reason: 'disabled_user' },
    ],
  ])('of a token %s is %s, and says whose it is', async (_, event, options, fields) => {
    const { level, fields: found } = await refusalIn(options);
    expect(`${level} ${String(found.event)}`).toBe(event);
    expect(found).toEqual({ event: found.event, ...fields, ...ofToken });
  });

  it('of a token about which nothing is known has its reference alone', async () => {
    const { level, fields, message } = await refusalIn({ claims: dead });
    expect({ level, fields }).toEqual({
      level: 'info',
      fields: { event: 'token.rejected', reason: 'expired', token_ref: REFERENCE },
    });
    expect(message).toBe('The token has expired.');
  });

  it("of a client's token names the client, and no user", async () => {
    const { fields } = await refusalIn({ claims: claimsWith({ sub: undefined }) });
    expect(fields).toEqual({
      event: 'token.rejected',
      reason: 'client',
      token_ref: REFERENCE,
      client_id: 'web-app',
    });
  });

  it.each([
    ['no token', requestWith(), 'info', 'no_credentials'],
    ['malformed credentials', requestWith('a b'), 'info', 'malformed'],
    ['a token that is too long', requestWith('a'.repeat(9000)), 'info', 'too_long'],
    ['a token in the query', { ...requestWith(), url: '/?access_token=s3cret' }, 'info', 'query'],
    [
      'two headers',
      { ...requestWith(), rawHeaders: ['Authorization', 'a', 'authorization', 'b'] },
      'info',
      'several_headers',
    ],
  ])('of a request with %s is request.rejected', async (_, request, level, reason) => {
    const record = await refusalIn({}, request);
    expect(record).toMatchObject({ level, fields: { event: 'request.rejected', reason } });
    expect(Object.keys(record.fields)).toEqual(['event', 'reason']);
  });

  it.each([
    ['inactive', 'info'],
    ['expired', 'info'],
    ['too_long', 'info'],
    ['not_yet_valid', 'warn'],
    ['issuer', 'warn'],
    ['audience', 'warn'],
    ['resource', 'warn'],
    ['token_type', 'warn'],
    ['subject', 'warn'],
    ['client', 'warn'],
    ['confirmation', 'warn'],
    ['a_reason_of_a_hook', 'warn'],
  ])('with the reason %s is on level %s: it warns where a setting may not fit', (reason, level) => {
    const record = logged(new InvalidTokenError(reason, ''), TOKEN);
    expect(record).toMatchObject({ level, fields: { event: 'token.rejected', reason } });
  });

  it.each<[Error, string]>([
    [new NoCredentialsError(), 'no_credentials'],
    [new InvalidRequestError('malformed', ''), 'malformed'],
    [new InsufficientScopeError(['a']), 'scope'],
  ])('is on level info for what any caller can bring about: %s', (error, reason) => {
    expect(logged(error)).toMatchObject({ level: 'info', fields: { reason } });
  });

  it('of errors of another copy of this package is the same (X7)', async () => {
    vi.resetModules();
    const copy = await import('../../src/errors.ts');
    expect(logged(new copy.InvalidTokenError('issuer', 'why'), TOKEN)).toEqual(
      logged(new InvalidTokenError('issuer', 'why'), TOKEN),
    );
  });

  it('is left to others for faults of the authorization server and for what nobody foresaw', () => {
    const logger = new RecordingLogger();
    for (const error of [
      new AuthorizationServerError('ERR_AS_UNAVAILABLE', ''),
      new TypeError('x is not a function'),
      'text',
      undefined,
      { reason: 'inactive', message: 'not ours' },
    ]) {
      logRefusal(logger, error, TOKEN, CLAIMS);
    }
    expect(logger.records).toEqual([]);
  });

  it('does not exist for requests that are let in', async () => {
    const flow = fakeFlow();
    await flow.authenticate();
    expect(flow.logger.records).toEqual([]);
  });
});

describe('a user store that fails', () => {
  it.each([
    ['an error', new RangeError('password=hunter2'), 'RangeError'],
    ['a text', 'password=hunter2', 'string'],
    ['nothing', undefined, 'undefined'],
  ])('is an alarm with the class of its cause alone: %s (U8, E1)', (_, cause, name) => {
    const error = new UserStoreError('The user store failed.', { cause });
    const record = logged(error, TOKEN, CLAIMS);
    expect(record).toEqual({
      level: 'error',
      fields: { event: 'user_store.unavailable', cause: name },
      message: 'The user store failed.',
    });
  });
});

describe('token_ref', () => {
  const referenceOf = (token: string): string =>
    logged(new InvalidTokenError('inactive', ''), new AccessToken(token)).fields.token_ref as string;

  it('joins the lines of one token, and tells tokens apart (section 0)', () => {
    expect(referenceOf('abc')).toBe(referenceOf('abc'));
    expect(new Set(Array.from({ length: 100 }, (_, index) => referenceOf(String(index)))).size).toBe(100);
  });

  it('is neither the token nor a hash that can be looked up (E1)', () => {
    const reference = referenceOf('abc');
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      for (const encoding of ['hex', 'base64url'] as const) {
        expect(createHash(algorithm).update('abc').digest(encoding)).not.toContain(reference);
        expect(createHmac(algorithm, '').update('abc').digest(encoding)).not.toContain(reference);
      }
    }
    expect(reference).not.toContain('abc');
  });

  it('means nothing in another process: each has a key of its own (E1)', async () => {
    vi.resetModules();
    const other = await import('../../src/secret.ts');
    expect(new other.AccessToken('abc').reference).not.toBe(referenceOf('abc'));
  });
});

describe('what is never logged', () => {
  const claims = claimsWith({
    sub: 'subject-of-alice',
    email: 'alice@example.com',
    name: 'Alice Doe',
    username: 'alice.doe',
    jti: 'jti-of-the-token',
    groups: ['staff'],
  });

  it.each<[string, FakeFlowOptions]>([
    ['unknown', { userStore: new MemoryUserStore() }],
    ['without the scope', { settings: { OIDC_RS_SCOPES: ['admin'] } }],
    ['key-bound', { claims: claimsWith({ ...claims, cnf: { jkt: 'thumbprint' } }) }],
    ['from another caller', { settings: { OIDC_RS_AUDIENCE_CLAIM: 'aud' } }],
    ['of a store that fails', { userStore: { findBySubject: () => Promise.reject(new Error('Alice')) } }],
  ])('is the token, the person, or any claim but client_id: %s (E1)', async (_, options) => {
    const text = JSON.stringify(await refusalIn({ claims, ...options }));
    expect(text).not.toMatch(/s3cret|t0ken|subject-of|Alice|alice|jti-of|staff|thumbprint/);
  });

  it('is a token that came in the wrong way (E1)', async () => {
    for (const request of [
      requestWith('s3cret t0ken'),
      requestWith(`s3cret${'a'.repeat(9000)}`),
      { ...requestWith(), url: '/?access_token=s3cret' },
      { ...requestWith(), rawHeaders: ['Authorization', 'Bearer s3cret', 'Authorization', 'Bearer t0ken'] },
    ]) {
      expect(JSON.stringify(await refusalIn({}, request))).not.toMatch(/s3cret|t0ken/);
    }
  });

  it.each([
    ['a line break', 'web\n2026-01-01 ERROR all is lost'],
    ['ANSI', 'web\u001b[2J\u001b[31m'],
    ['ANSI in one byte', 'web\u009b31m'],
    ['NUL', 'web\0app'],
    ['10 KB', 'w'.repeat(10_000)],
    ['an object', { toString: 'web' }],
    ['a list', ['web']],
    ['empty', ''],
  ])('is a client_id that may forge a line: %s (E2)', (_, clientId) => {
    const { fields } = logged(
      new InvalidTokenError('subject', ''),
      TOKEN,
      claimsWith({ client_id: clientId, sub: clientId }),
    );
    expect(Object.keys(fields)).toEqual(['event', 'reason', 'token_ref']);
  });

  it('is what a prototype says (I15)', () => {
    const { fields } = logged(new InvalidTokenError('issuer', ''), TOKEN, Object.create(CLAIMS) as Claims);
    expect(Object.keys(fields)).toEqual(['event', 'reason', 'token_ref']);
  });
});

describe('the message', () => {
  const backendOf = (claims: Claims) =>
    new IntrospectionResourceServerBackend(dependenciesWith({ userStore: new ClaimsUserStore() }), {
      introspect: () => Promise.resolve(claims),
    } as unknown as AuthorizationServerClient);

  it.each([
    ['token_type', claimsWith({ token_type: undefined }), 'OIDC_RS_REQUIRE_TOKEN_TYPE=false'],
    ['issuer', claimsWith({ iss: 'https://auth.example.com/' }), 'OIDC_OP_URL'],
    ['not_yet_valid', claimsWith({ iat: 4e9 }), 'clocks'],
  ])('of a refusal for %s names what may have to be set (I9)', async (reason, claims, words) => {
    const record = await refusalIn({ claims: (token) => backendOf(claims).getClaims(token) });
    expect(record).toMatchObject({ level: 'warn', fields: { reason } });
    expect(record.message).toContain(words);
  });

  it('of a refused refresh token does not propose to switch the check off (I9)', async () => {
    const claims = claimsWith({ token_type: 'refresh_token' });
    const record = await refusalIn({ claims: (token) => backendOf(claims).getClaims(token) });
    expect(record.fields.reason).toBe('token_type');
    expect(record.message).not.toContain('OIDC_RS_REQUIRE_TOKEN_TYPE');
  });

  it.each<[string, FakeFlowOptions, string]>([
    ['audience', { claims: claimsWith({ client_id: undefined }) }, 'OIDC_RS_AUDIENCE_CLAIM'],
    ['audience', { settings: { OIDC_RS_ALLOWED_AUDIENCES: ['mobile-app'] } }, 'OIDC_RS_ALLOWED_AUDIENCES'],
    ['resource', { settings: { OIDC_RS_RESOURCE: 'https://api.example.com' } }, 'OIDC_RS_RESOURCE'],
    ['client', { claims: claimsWith({ sub: null }) }, '{ clients: true }'],
    ['scope', { claims: claimsWith({ scope: 'Groups' }) }, 'groups'],
  ])('of a refusal for %s says what to look at', async (reason, options, words) => {
    const record = await refusalIn(options);
    expect(record.fields.reason).toBe(reason);
    expect(record.message).toContain(words);
  });
});

describe('the logger that is used where none is given', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  afterEach(() => {
    written.mockClear();
  });

  it('writes warnings and alarms to stderr, and nothing else', () => {
    stderrLogger.debug({}, 'debug');
    stderrLogger.info({}, 'info');
    stderrLogger.warn({ event: 'token.rejected' }, 'Something is odd.');
    stderrLogger.error({ event: 'as.untrusted' }, 'Something is wrong.');
    expect(written.mock.calls).toEqual([
      ['[oidc-resource-server] warning: Something is odd. {"event":"token.rejected"}'],
      ['[oidc-resource-server] ALARM: Something is wrong. {"event":"as.untrusted"}'],
    ]);
  });

  it('writes one line, whatever is in it (E2)', () => {
    const hostile = 'a\nALARM: b\r\n\u001b[2Jc\0\u0085\u009b31m\u2028d\u2029\u007f';
    stderrLogger.warn({ client_id: hostile, [hostile]: [hostile] }, hostile);
    const [line] = written.mock.calls[0] as [string];
    // eslint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(line).toContain('warning: a ALARM: b   [2Jc');
    expect(line).toContain('{"client_id":"a\\nALARM: b\\r\\n');
  });
});
