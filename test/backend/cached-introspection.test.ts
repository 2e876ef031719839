import { beforeEach, describe, expect, it, vi, afterEach } from 'vitest';
import { CachedIntrospection } from '../../src/backend/cached-introspection.ts';
import { cacheKeys } from '../../src/backend/cache-key.ts';
import type { CachedClaims, ClaimsCache } from '../../src/cache/claims-cache.ts';
import { MemoryClaimsCache } from '../../src/cache/memory-claims-cache.ts';
import type { Claims } from '../../src/claims.ts';
import { AuthorizationServerError } from '../../src/errors.ts';
import { AccessToken } from '../../src/secret.ts';
import { loadSettings, type SettingsInput } from '../../src/settings.ts';
import type { RevocationTarget } from '../../src/types.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const NOW = Date.UTC(2026, 0, 1);
const DOWN = new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'It is down.');

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date', 'performance', 'setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const later = (ms: number): void => void vi.advanceTimersByTime(ms);
const inSeconds = (seconds: number): number => Date.now() / 1000 + seconds;

/** A cache in front of an authorization server whose answers are set by hand, and counted. */
function cached(input: SettingsInput = {}, cache: ClaimsCache | null = new MemoryClaimsCache()) {
  const settings = loadSettings({
    settings: { OIDC_OP_URL: 'https://auth.example.com', OIDC_RS_CACHE_TTL: 30, ...input },
    env: {},
  });
  const state = {
    asked: [] as string[],
    answer: (): Promise<Claims> =>
      Promise.resolve({ active: true, sub: 'alice', client_id: 'spa', sid: 's1', exp: inSeconds(600) }),
  };
  const logger = new RecordingLogger();
  const introspections = new CachedIntrospection({
    settings,
    logger,
    cache: cache ?? undefined,
    backendName: 'Test',
    introspect: (token) => {
      state.asked.push(token.reveal());
      return state.answer();
    },
  });
  const of = async (token = 'a'): Promise<Claims> => introspections.of(new AccessToken(token));
  return {
    state,
    of,
    logger,
    introspections,
    revoke: (target: RevocationTarget) => introspections.revoke(target),
  };
}

describe('requests at the same time', () => {
  it.each([
    ['with a cache', 30],
    ['without one', 0],
  ])('share one introspection %s (A13)', async (_, ttl) => {
    const { state, of } = cached({ OIDC_RS_CACHE_TTL: ttl });
    const claims = await Promise.all([of(), of(), of('b'), of()]);
    expect(state.asked).toEqual(['a', 'b']);
    expect(new Set(claims).size).toBe(2);
    await of('c');
    expect(state.asked).toEqual(['a', 'b', 'c']);
  });

  it('share a failure, and whoever comes after it asks anew (C7)', async () => {
    const { state, of } = cached();
    state.answer = () => Promise.reject(DOWN);
    const asked = [of(), of()].map((one) =>
      one.catch(async (error: unknown) => {
        expect(error).toBe(DOWN);
        state.answer = () => Promise.resolve({ active: true });
        return of();
      }),
    );
    expect(await Promise.all(asked)).toEqual([{ active: true }, { active: true }]);
    expect(state.asked).toHaveLength(2);
  });

  it('are answered though the first one has hung up: it belongs to none of them (C7, X2)', async () => {
    const { state, of } = cached();
    let answer: (claims: Claims) => void = () => undefined;
    state.answer = () => new Promise((resolve) => (answer = resolve));
    void of();
    const second = of();
    answer({ active: true, sub: 'alice' });
    expect(await second).toMatchObject({ sub: 'alice' });
  });
});

describe('an answer', () => {
  it('is used again until its time is over, and answered at once', async () => {
    const { state, of, introspections } = cached();
    const claims = await of();
    later(29_999);
    expect(introspections.of(new AccessToken('a'))).toBe(claims);
    later(1);
    await of();
    expect(state.asked).toHaveLength(2);
  });

  it('is not used past the expiry of its token (C3)', async () => {
    const { state, of } = cached();
    state.answer = () => Promise.resolve({ active: true, exp: inSeconds(10) });
    await of();
    later(9_999);
    await of();
    expect(state.asked).toHaveLength(1);
    later(1);
    await of();
    expect(state.asked).toHaveLength(2);
  });

  it.each([
    ['has expired', -1],
    ['expires now', 0],
  ])('is not kept at all where the token %s', async (_, seconds) => {
    const { state, of } = cached();
    state.answer = () => Promise.resolve({ active: true, exp: inSeconds(seconds) });
    await of();
    await of();
    expect(state.asked).toHaveLength(2);
  });

  it('without an expiry is used for a short while (C3)', async () => {
    const { state, of } = cached();
    state.answer = () => Promise.resolve({ active: true });
    await of();
    later(9_999);
    await of();
    expect(state.asked).toHaveLength(1);
    later(1);
    await of();
    expect(state.asked).toHaveLength(2);
  });

  it.each([1e15, Number.MAX_VALUE])('with the expiry %d is used no longer than others (C4)', async (exp) => {
    const { state, of } = cached();
    state.answer = () => Promise.resolve({ active: true, exp });
    await of();
    later(30_000);
    await of();
    expect(state.asked).toHaveLength(2);
  });

  it('counts on the clock that never steps: setting the time back keeps nothing longer (X5)', async () => {
    const { state, of } = cached();
    await of();
    vi.setSystemTime(NOW - 3_600_000);
    later(30_000);
    await of();
    expect(state.asked).toHaveLength(2);
  });

  it('is frozen, and the same for all: no route can change it for another (C10)', async () => {
    const { state, of } = cached();
    state.answer = () => Promise.resolve({ active: true, realm: { roles: ['reader'] } });
    const claims = (await of()) as { realm: { roles: string[] } };
    expect(() => claims.realm.roles.push('admin')).toThrow(TypeError);
    expect(await of()).toEqual({ active: true, realm: { roles: ['reader'] } });
  });

  it('of inactive is kept for five seconds, apart from the good ones (C5)', async () => {
    const { state, of } = cached({ OIDC_RS_CACHE_MAX_ENTRIES: 1 });
    await of('good');
    state.answer = () => Promise.resolve({ active: false });
    for (let i = 0; i < 3000; i++) await of(`dead-${String(i)}`);
    await of('dead-2999');
    later(4_999);
    await of('dead-2999');
    expect(state.asked).toHaveLength(3001);
    later(1);
    expect(await of('dead-2999')).toEqual({ active: false });
    expect(state.asked).toHaveLength(3002);
    await of('good');
    expect(state.asked).toHaveLength(3002);
  });

  it('that never came is not kept: errors are asked anew (C5, C6)', async () => {
    const { state, of } = cached();
    state.answer = () => Promise.reject(DOWN);
    await expect(of()).rejects.toBe(DOWN);
    await expect(of()).rejects.toBe(DOWN);
    expect(state.asked).toHaveLength(2);
  });
});

describe('the key', () => {
  const OTHERS: SettingsInput[] = [
    { OIDC_OP_URL: 'https://other.example.com' },
    { OIDC_OP_INTERNAL_URL: 'https://internal.example.com' },
    { OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/introspect' },
    { OIDC_RS_CLIENT_ID: 'other' },
    { OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend' },
    { OIDC_RS_SIGNING_ALGO: 'RS256' },
    { OIDC_RS_ENCRYPTION_ALGO: 'RSA-OAEP-256' },
    { OIDC_RS_ENCRYPTION_KEY_TYPE: 'EC' },
    { OIDC_RS_ENCRYPTION_ENCODING: 'A128GCM' },
  ];
  const keyOf = (input: SettingsInput, name = 'Test', token = 'token'): string =>
    cacheKeys(
      loadSettings({ settings: { OIDC_OP_URL: 'https://auth.example.com', ...input }, env: {} }),
      name,
    )(token);

  it('is another one for whatever the answer depends on (C1)', () => {
    const keys = [keyOf({}), keyOf({}, 'Other'), ...OTHERS.map((other) => keyOf(other))];
    expect(new Set(keys).size).toBe(keys.length);
    // Where one part ends is part of it.
    expect(keyOf({ OIDC_RS_CLIENT_ID: 'ab' }, 'c')).not.toBe(keyOf({ OIDC_RS_CLIENT_ID: 'a' }, 'bc'));
  });

  it('is of the whole token: long ones that begin alike are apart (C1)', () => {
    const start = 'x'.repeat(8000);
    expect(keyOf({}, 'Test', `${start}1`)).not.toBe(keyOf({}, 'Test', `${start}2`));
  });

  it('does not hold the token (C2)', async () => {
    const keys: string[] = [];
    const cache = new MemoryClaimsCache();
    const set = vi.spyOn(cache, 'set').mockImplementation((key) => void keys.push(key));
    await cached({}, cache).of('the-raw-token');
    expect(keys).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect(JSON.stringify(set.mock.calls)).not.toContain('the-raw-token');
  });
});

describe('a revocation', () => {
  it.each<[string, RevocationTarget, boolean]>([
    ['of the token', { token: 'a' }, true],
    ['of the subject', { sub: 'alice' }, true],
    ['of the session', { sid: 's1' }, true],
    ['of the client', { client_id: 'spa' }, true],
    ['of another token', { token: 'b' }, false],
    ['of another subject', { sub: 'bob' }, false],
    ['of a session that is called like the subject', { sid: 'alice' }, false],
  ])('%s', async (_, target, asksAnew) => {
    const { state, of, revoke } = cached();
    await of();
    later(10);
    await revoke(target);
    await of();
    expect(state.asked).toHaveLength(asksAnew ? 2 : 1);
  });

  it('while the authorization server is asked: what began before is not kept (C3)', async () => {
    const { state, of, revoke } = cached();
    let answer: (claims: Claims) => void = () => undefined;
    state.answer = () => new Promise((resolve) => (answer = resolve));
    const first = of();
    later(10);
    await revoke({ sub: 'alice' });
    // Whoever comes now does not join what began before.
    const second = of();
    expect(state.asked).toHaveLength(2);
    answer({ active: false });
    expect(await second).toEqual({ active: false });
    void first;
  });

  it('is widened by the tolerance, since entries and marks come from two clocks', async () => {
    const { state, of, revoke } = cached({ OIDC_RS_CLOCK_TOLERANCE: 5 });
    await revoke({ sub: 'alice' });
    later(5_000);
    await of();
    await of();
    expect(state.asked).toHaveLength(2);
    later(1);
    await of();
    await of();
    expect(state.asked).toHaveLength(3);
  });

  it('that a store did not take is not kept quiet', async () => {
    const cache = new MemoryClaimsCache();
    vi.spyOn(cache, 'mark').mockImplementation(() => {
      throw new Error('the store is down');
    });
    await expect(cached({}, cache).revoke({ sub: 'alice' })).rejects.toThrow('the store is down');
  });

  it('that cannot be read: what is kept is not used (C11)', async () => {
    const cache = new MemoryClaimsCache();
    vi.spyOn(cache, 'notBefore').mockReturnValue(Infinity);
    const { state, of } = cached({ OIDC_RS_STALE_IF_ERROR: 60 }, cache);
    await of();
    await of();
    expect(state.asked).toHaveLength(2);
    state.answer = () => Promise.reject(DOWN);
    await expect(of()).rejects.toBe(DOWN);
  });
});

describe('while the authorization server is down', () => {
  it('what was said before is used for as long as the setting says, and no longer (C6)', async () => {
    const { state, of, logger } = cached({ OIDC_RS_STALE_IF_ERROR: 60 });
    const claims = await of();
    state.answer = () => Promise.reject(DOWN);
    later(30_000);
    expect(await of()).toBe(claims);
    expect(logger.only).toMatchObject({ fields: { event: 'cache.stale', age: 30 } });
    later(59_999);
    expect(await of()).toBe(claims);
    later(1);
    await expect(of()).rejects.toBe(DOWN);
  });

  it('is not used by default (C6)', async () => {
    const { state, of } = cached();
    await of();
    state.answer = () => Promise.reject(DOWN);
    later(30_000);
    await expect(of()).rejects.toBe(DOWN);
  });

  it('is not used past the expiry of the token (C6)', async () => {
    const { state, of } = cached({ OIDC_RS_STALE_IF_ERROR: 600 });
    state.answer = () => Promise.resolve({ active: true, exp: inSeconds(40) });
    const claims = await of();
    state.answer = () => Promise.reject(DOWN);
    later(39_999);
    expect(await of()).toBe(claims);
    later(1);
    await expect(of()).rejects.toBe(DOWN);
  });

  it('is not used past a revocation (C6)', async () => {
    const { state, of, revoke } = cached({ OIDC_RS_STALE_IF_ERROR: 600 });
    await of();
    state.answer = () => Promise.reject(DOWN);
    later(30_000);
    await revoke({ sub: 'alice' });
    await expect(of()).rejects.toBe(DOWN);
  });

  it('is not used once the authorization server has called the token inactive (C6)', async () => {
    const { state, of } = cached({ OIDC_RS_STALE_IF_ERROR: 600 });
    await of();
    later(30_000);
    state.answer = () => Promise.resolve({ active: false });
    expect(await of()).toEqual({ active: false });
    state.answer = () => Promise.reject(DOWN);
    later(5000);
    await expect(of()).rejects.toBe(DOWN);
  });

  it.each([
    ['answers what cannot be believed', 'ERR_AS_UNTRUSTED_RESPONSE'],
    ['refuses our credentials', 'ERR_AS_CLIENT_REJECTED'],
  ] as const)('is not used where it %s', async (_, code) => {
    const { state, of } = cached({ OIDC_RS_STALE_IF_ERROR: 600 });
    await of();
    const error = new AuthorizationServerError(code, 'No.');
    state.answer = () => Promise.reject(error);
    later(30_000);
    await expect(of()).rejects.toBe(error);
  });
});

describe('a cache that answers by promises', () => {
  class Slow implements ClaimsCache {
    readonly #inner = new MemoryClaimsCache();
    get = (key: string): Promise<CachedClaims | undefined> => Promise.resolve(this.#inner.get(key));
    set = (key: string, entry: CachedClaims): Promise<void> => {
      this.#inner.set(key, entry);
      return Promise.reject(new Error('the store is down'));
    };
    mark = (...args: Parameters<MemoryClaimsCache['mark']>): Promise<void> => {
      this.#inner.mark(...args);
      return Promise.resolve();
    };
    notBefore = (...args: Parameters<MemoryClaimsCache['notBefore']>): Promise<number> =>
      Promise.resolve(this.#inner.notBefore(...args));
  }

  it('is used in the same way, and nobody waits for it to keep anything', async () => {
    const { state, of, revoke } = cached({}, new Slow());
    await of();
    await of();
    expect(state.asked).toHaveLength(1);
    later(10);
    await revoke({ client_id: 'spa' });
    await of();
    expect(state.asked).toHaveLength(2);
  });
});
