import assert from 'node:assert/strict';
import { HOSTILE_TEXTS, NOT_IDENTIFIERS, NOT_TEXT, shown, TWO_PEOPLE } from './hostile-subjects.ts';
import { foundOrRefused, ISSUER, PROFILE, type Test } from './user-store-under-test.ts';

const CLAIMS = Object.freeze({});

export function describeFind<U>(test: Test<U>): void {
  test('finds nobody where nobody is', async ({ store }) => {
    for (const [subject] of [...TWO_PEOPLE, ...NOT_IDENTIFIERS]) {
      assert.equal(await store.findBySubject(ISSUER, subject, CLAIMS), undefined, shown(subject));
    }
  });
}

export function describeCreate<U>(test: Test<U>): void {
  test('makes the user, and finds the same again', async ({ store }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    assert.ok(user);
    assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), user);
  });

  for (const [first, second] of TWO_PEOPLE) {
    test(`keeps ${shown(first)} and ${shown(second)} apart (I11)`, async ({ store }) => {
      const one = await store.create(ISSUER, first, { claims: {} });
      assert.equal(await store.findBySubject(ISSUER, second, CLAIMS), undefined);
      const other = await store.create(ISSUER, second, { claims: {} });
      assert.notDeepEqual(one, other);
      assert.deepEqual(await store.findBySubject(ISSUER, first, CLAIMS), one);
      assert.deepEqual(await store.findBySubject(ISSUER, second, CLAIMS), other);
    });
  }

  for (const [subject, neighbour] of [...NOT_IDENTIFIERS, ...NOT_TEXT] as [string, string][]) {
    test(`does not take ${shown(subject)} for ${shown(neighbour)} (I11, U10)`, async ({ store }) => {
      // Refusing such a subject is as good as keeping it.
      const made = await store.create(ISSUER, subject, { claims: {} }).catch(() => undefined);
      assert.equal(await store.findBySubject(ISSUER, neighbour, CLAIMS), undefined);
      const user = await store.create(ISSUER, neighbour, { claims: {} });
      assert.notDeepEqual(user, made);
      const found = await foundOrRefused(store, subject);
      assert.deepEqual(found, made);
      assert.deepEqual(await store.findBySubject(ISSUER, neighbour, CLAIMS), user);
    });
  }

  test('makes one user of fifty parallel calls, and all get it (U1)', async ({ store }) => {
    const calls = Array.from({ length: 50 }, () => store.create(ISSUER, 'alice', PROFILE));
    const [user, ...others] = await Promise.all(calls);
    assert.ok(user);
    for (const other of others) assert.deepEqual(other, user);
    assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), user);
  });

  test('makes everybody of fifty parallel calls for ten people (U1)', async ({ store }) => {
    const subjects = Array.from({ length: 50 }, (_, index) => `user-${index % 10}`);
    const users = await Promise.all(subjects.map((subject) => store.create(ISSUER, subject, { claims: {} })));
    for (const [index, subject] of subjects.entries()) {
      assert.deepEqual(users[index], await store.findBySubject(ISSUER, subject, CLAIMS));
    }
    assert.notDeepEqual(users[0], users[1]);
  });

  test('returns a user who is there as is, whatever the profile says now', async ({ store }) => {
    const user = structuredClone(await store.create(ISSUER, 'alice', PROFILE));
    const other = { claims: {}, email: 'mallory@example.com', fullName: 'Mallory', shortName: 'M' };
    assert.deepEqual(structuredClone(await store.create(ISSUER, 'alice', other)), user);
    assert.deepEqual(structuredClone(await store.findBySubject(ISSUER, 'alice', CLAIMS)), user);
  });

  test('makes a user whose profile is empty, or undefined', async ({ store }) => {
    const undefineds = { email: undefined, fullName: undefined, shortName: undefined };
    for (const [subject, profile] of Object.entries({ empty: {}, undefineds })) {
      const user = await store.create(ISSUER, subject, { claims: {}, ...profile });
      assert.ok(user);
      assert.deepEqual(await store.findBySubject(ISSUER, subject, CLAIMS), user);
    }
  });

  for (const text of HOSTILE_TEXTS) {
    test(`survives ${shown(text)} in every text of the profile (U10)`, async ({ store }) => {
      const profile = { claims: { text }, email: text, fullName: text, shortName: text };
      const user = await store.create(ISSUER, 'alice', profile);
      assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), user);
    });
  }

  test('takes nothing of the claims that it does not know: no subject, no rights (U7)', async ({ store }) => {
    const plain = await store.create(ISSUER, 'bob', { claims: {} });
    const claims = { sub: 'mallory', subject: 'mallory', id: 0, active: false, is_admin: true, issuer: 'x' };
    const user = await store.create(ISSUER, 'alice', { claims });
    assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), user);
    assert.equal(await store.findBySubject(ISSUER, 'mallory', CLAIMS), undefined);
    assert.deepEqual(Object.keys(user as object).sort(), Object.keys(plain as object).sort());
    if (store.isActive !== undefined) assert.equal(store.isActive(user), true);
  });
}

export function describeIssuers<U>(test: Test<U>): void {
  test('keeps the same subject of two issuers apart (U4)', async ({ store }) => {
    for (const other of ['https://auth.example.org', `${ISSUER}/`, ISSUER.toUpperCase()]) {
      assert.equal(await store.findBySubject(other, 'alice', CLAIMS), undefined);
      const theirs = await store.create(other, 'alice', { claims: {} });
      const ours = await store.create(ISSUER, 'alice', { claims: {} });
      assert.notDeepEqual(ours, theirs);
      assert.deepEqual(await store.findBySubject(other, 'alice', CLAIMS), theirs);
      assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), ours);
    }
  });
}

export function describeDisabled<U>(test: Test<U>): void {
  test('does not bring back who was locked out (U5)', async ({ store, disable }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    assert.equal(store.isActive(user), true);
    await disable(user);
    for (const found of [
      await store.findBySubject(ISSUER, 'alice', CLAIMS),
      await store.create(ISSUER, 'alice', PROFILE),
    ]) {
      assert.ok(found);
      assert.equal(store.isActive(found), false);
    }
  });
}

export function describeRemoved<U>(test: Test<U>): void {
  test('forgets who is deleted (U5)', async ({ store, remove }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    await remove(user);
    assert.equal(await store.findBySubject(ISSUER, 'alice', CLAIMS), undefined);
  });
}

export function describeProfile<U>(test: Test<U>): void {
  test('keeps the profile', async ({ store, profileOf }) => {
    const kept = profileOf(await store.create(ISSUER, 'alice', PROFILE));
    for (const name of Object.keys(kept) as (keyof typeof kept)[]) assert.equal(kept[name], PROFILE[name]);
  });
}
