import assert from 'node:assert/strict';
import { HOSTILE_TEXTS, shown } from './hostile-subjects.ts';
import { ISSUER, PROFILE, type Test } from './user-store-under-test.ts';

const CLAIMS = Object.freeze({});
const NEWER = { claims: {}, email: 'a.doe@example.com', fullName: 'Alice B. Doe', shortName: 'Alice B.' };

export function describeUpdate<U>(test: Test<U>): void {
  test('resolves with the user as it then is, and touches nobody else', async ({ store }) => {
    const bob = structuredClone(await store.create(ISSUER, 'bob', PROFILE));
    const user = await store.create(ISSUER, 'alice', PROFILE);
    const updated = await store.update(user, NEWER);
    assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), updated);
    assert.deepEqual(structuredClone(await store.findBySubject(ISSUER, 'bob', CLAIMS)), bob);
  });

  test('never changes the subject (U3)', async ({ store }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    const claims = { sub: 'mallory', subject: 'mallory', iss: 'https://mallory.example.com', active: false };
    const updated = await store.update(user, { ...NEWER, claims });
    assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), updated);
    assert.equal(await store.findBySubject(ISSUER, 'mallory', CLAIMS), undefined);
    if (store.isActive !== undefined) assert.equal(store.isActive(updated), true);
  });

  for (const text of HOSTILE_TEXTS) {
    test(`survives ${shown(text)} in every text of the profile (U10)`, async ({ store }) => {
      const user = await store.create(ISSUER, 'alice', PROFILE);
      const profile = { claims: { text }, email: text, fullName: text, shortName: text };
      const updated = await store.update(user, profile);
      assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), updated);
    });
  }

  test('survives twenty parallel calls (U9)', async ({ store }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    const calls = Array.from({ length: 20 }, (_, index) =>
      store.update(user, { claims: {}, fullName: `Alice ${index}` }),
    );
    await Promise.all(calls);
    assert.ok(await store.findBySubject(ISSUER, 'alice', CLAIMS));
  });
}

export function describeUpdatedAt<U>(test: Test<U>): void {
  test('says when the user was written last', async ({ store }) => {
    const before = Date.now();
    const user = await store.create(ISSUER, 'alice', PROFILE);
    const createdAt = store.updatedAt(user);
    assertInstant(createdAt, before);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const again = Date.now();
    const seen = await store.update(user, PROFILE);
    assertInstant(store.updatedAt(seen), again);
    const found = await store.findBySubject(ISSUER, 'alice', CLAIMS);
    assert.ok(found);
    assert.equal(store.updatedAt(found), store.updatedAt(seen));
  });
}

// Some databases keep whole seconds only.
function assertInstant(instant: number, earliest: number): void {
  assert.equal(typeof instant, 'number');
  assert.ok(instant > earliest - 1000, `${instant} is before ${earliest}`);
  assert.ok(instant < Date.now() + 1000, `${instant} is in the future`);
}

export function describeUpdatedProfile<U>(test: Test<U>): void {
  test('writes what is new', async ({ store, profileOf }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    const kept = profileOf(await store.update(user, NEWER));
    for (const name of Object.keys(kept) as (keyof typeof kept)[]) assert.equal(kept[name], NEWER[name]);
  });

  test('keeps what the profile does not say, or has as undefined', async ({ store, profileOf }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    const known = { ...profileOf(user) };
    const undefineds = { email: undefined, fullName: undefined, shortName: undefined };
    assert.deepEqual(profileOf(await store.update(user, { claims: {} })), known);
    const found = await store.findBySubject(ISSUER, 'alice', CLAIMS);
    assert.ok(found);
    assert.deepEqual(profileOf(await store.update(found, { claims: {}, ...(undefineds as object) })), known);
  });

  test('writes nothing over what is newer than the user that it was given (U9)', async ({
    store,
    profileOf,
  }) => {
    await store.create(ISSUER, 'alice', PROFILE);
    const first = await store.findBySubject(ISSUER, 'alice', CLAIMS);
    const stale = await store.findBySubject(ISSUER, 'alice', CLAIMS);
    assert.ok(first);
    assert.ok(stale);
    // A store that hands out the very object has no stale ones.
    if (first === stale) return;
    const newer = await store.update(first, NEWER);
    const kept = profileOf(await store.update(stale, { ...PROFILE, email: 'stale@example.com' }));
    assert.deepEqual(kept, profileOf(newer));
  });
}

export function describeUpdateOfRemoved<U>(test: Test<U>): void {
  test('does not bring back who was deleted meanwhile (U5)', async ({ store, remove }) => {
    const user = await store.create(ISSUER, 'alice', PROFILE);
    await remove(user);
    await assert.rejects(store.update(user, NEWER));
    assert.equal(await store.findBySubject(ISSUER, 'alice', CLAIMS), undefined);
  });
}
