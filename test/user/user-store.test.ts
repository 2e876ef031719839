import { describe, expect, it } from 'vitest';
import { freezeClaims } from '../../src/claims.ts';
import { ClaimsUserStore } from '../../src/user/claims-user-store.ts';
import { type MemoryUser, MemoryUserStore } from '../../src/user/memory-user-store.ts';

const ISSUER = 'https://auth.example.com';
const PROFILE = { claims: {}, email: 'alice@example.com', fullName: 'Alice Doe' };

const user = (issuer: string, subject: string): MemoryUser => ({ issuer, subject, active: true });

describe('ClaimsUserStore', () => {
  const find = (claims: object) =>
    new ClaimsUserStore().findBySubject(ISSUER, 'alice', freezeClaims({ ...claims }));

  it('makes the user from the claims, frozen', async () => {
    const found = await find({ email: 'alice@example.com', name: 'Alice Doe', admin: true });
    expect(found).toEqual({
      issuer: ISSUER,
      subject: 'alice',
      email: 'alice@example.com',
      name: 'Alice Doe',
    });
    expect(Object.isFrozen(found)).toBe(true);
  });

  it('takes nothing from claims but text for e-mail and name (U7)', async () => {
    for (const value of [undefined, null, 42, true, ['a'], { a: 1 }]) {
      expect(await find({ email: value, name: value, subject: 'mallory', issuer: 'x' })).toEqual({
        issuer: ISSUER,
        subject: 'alice',
        email: undefined,
        name: undefined,
      });
    }
  });

  it('remembers nobody: each request has a user of its own', async () => {
    expect(await find({})).not.toBe(await find({}));
  });
});

describe('MemoryUserStore', () => {
  it('finds those who are known, as they are', async () => {
    const alice = user(ISSUER, 'alice');
    for (const store of [new MemoryUserStore([alice]), new MemoryUserStore().add(alice)]) {
      expect(await store.findBySubject(ISSUER, 'alice')).toBe(alice);
      expect(await store.findBySubject(ISSUER, 'bob')).toBeUndefined();
    }
  });

  it('replaces who has the same issuer and subject', async () => {
    const store = new MemoryUserStore([user(ISSUER, 'alice')]);
    const other = user(ISSUER, 'alice');
    store.add(other);
    expect(await store.findBySubject(ISSUER, 'alice')).toBe(other);
  });

  it.each<[string, [string, string], [string, string]]>([
    ['one string', ['ab', 'c'], ['a', 'bc']],
    ['a colon', ['a:', 'b'], ['a', ':b']],
    ['a number in front', ['1:a', 'b'], ['1', ':ab']],
    ['numbers on both sides', ['1', '1:1'], ['11:', '1']],
    ['an empty issuer', ['', 'ab'], ['a', 'b']],
    ['NUL', ['a\0', 'b'], ['a', '\0b']],
    ['a line break', ['a\n', 'b'], ['a', '\nb']],
    ['another case', [ISSUER, 'Alice'], [ISSUER, 'alice']],
    ['a trailing slash', [`${ISSUER}/`, 'alice'], [ISSUER, 'alice']],
    ['another composition', [ISSUER, 'zo\u00eb'], [ISSUER, 'zoe\u0308']],
    ['halves of a surrogate pair', [ISSUER, '\ud800'], [ISSUER, '\udfff']],
    ['members of every object', [ISSUER, '__proto__'], [ISSUER, 'constructor']],
    ['two issuers', ['https://a.example.com', 'alice'], ['https://b.example.com', 'alice']],
  ])('keeps (issuer, subject) apart: %s (U4, I11)', async (_, first, second) => {
    const store = new MemoryUserStore([user(...first)]);
    expect(await store.findBySubject(...first)).toBeDefined();
    expect(await store.findBySubject(...second)).toBeUndefined();
    store.add(user(...second));
    expect(await store.findBySubject(...first)).toMatchObject({ issuer: first[0], subject: first[1] });
    expect(store.delete(...second)).toBe(true);
    expect(await store.findBySubject(...first)).toBeDefined();
  });

  it('forgets who is deleted (U5)', async () => {
    const store = new MemoryUserStore([user(ISSUER, 'alice')]);
    expect(store.delete(ISSUER, 'alice')).toBe(true);
    expect(await store.findBySubject(ISSUER, 'alice')).toBeUndefined();
    expect(store.delete(ISSUER, 'alice')).toBe(false);
  });

  it('says who may come in (U5)', () => {
    const store = new MemoryUserStore();
    const alice = user(ISSUER, 'alice');
    expect(store.isActive(alice)).toBe(true);
    alice.active = false;
    expect(store.isActive(alice)).toBe(false);
  });

  it('creates a user from the profile, and nothing else of the claims (U7)', async () => {
    const store = new MemoryUserStore();
    const claims = { active: false, subject: 'mallory', admin: true };
    const created = await store.create(ISSUER, 'alice', { ...PROFILE, claims });
    expect(created).toEqual({
      issuer: ISSUER,
      subject: 'alice',
      active: true,
      email: 'alice@example.com',
      name: 'Alice Doe',
    });
    expect(await store.findBySubject(ISSUER, 'alice')).toBe(created);
  });

  it('makes one user of parallel calls (U1)', async () => {
    const store = new MemoryUserStore();
    const calls = Array.from({ length: 50 }, () => store.create(ISSUER, 'alice', PROFILE));
    expect(new Set(await Promise.all(calls)).size).toBe(1);
  });

  it('does not bring back who was locked out (U5)', async () => {
    const store = new MemoryUserStore();
    const alice = await store.create(ISSUER, 'alice', PROFILE);
    alice.active = false;
    expect(await store.create(ISSUER, 'alice', PROFILE)).toBe(alice);
    expect(alice.active).toBe(false);
  });

  it('shares nobody with another store', async () => {
    await new MemoryUserStore().create(ISSUER, 'alice', PROFILE);
    expect(await new MemoryUserStore().findBySubject(ISSUER, 'alice')).toBeUndefined();
  });
});
