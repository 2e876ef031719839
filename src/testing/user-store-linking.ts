import assert from 'node:assert/strict';
import { NOT_IDENTIFIERS, shown } from './hostile-subjects.ts';
import { EMAIL, foundOrRefused, ISSUER, PROFILE, type Test } from './user-store-under-test.ts';

const CLAIMS = Object.freeze({});

/** Addresses that are another's, however alike a careless store takes them for (U2). */
const OTHER_ADDRESSES = [
  'Alice@example.com',
  'alice@EXAMPLE.com',
  'alice+1@example.com',
  'al\u0131ce@example.com',
  '\u0430lice@example.com',
  'alice@example.com ',
  ' alice@example.com',
  'alice@example.com\0',
  'alice@example.com\n',
  'alice@example.co',
  '%',
  'alice@%',
  '_lice@example.com',
  "' or 1=1 --",
  '\ud800',
  '',
];

export function describeLink<U>(test: Test<U>): void {
  test('links the one user with the address', async ({ store, addUnlinked }) => {
    await addUnlinked(EMAIL);
    await addUnlinked('bob@example.com');
    assert.equal(await store.findBySubject(ISSUER, 'alice', CLAIMS), undefined);
    const user = await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL);
    assert.ok(user);
    assert.deepEqual(await store.findBySubject(ISSUER, 'alice', CLAIMS), user);
    if (store.isActive !== undefined) assert.equal(store.isActive(user), true);
  });

  test('links nobody where there is none', async ({ store, addUnlinked }) => {
    await addUnlinked('bob@example.com');
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL), undefined);
    assert.equal(await store.findBySubject(ISSUER, 'alice', CLAIMS), undefined);
  });

  test('links nobody where several have the address (U2)', async ({ store, addUnlinked }) => {
    await addUnlinked(EMAIL);
    await addUnlinked(EMAIL);
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL), undefined);
    assert.equal(await store.findBySubject(ISSUER, 'alice', CLAIMS), undefined);
  });

  for (const email of OTHER_ADDRESSES) {
    test(`does not take ${shown(email)} for ${shown(EMAIL)} (U2)`, async ({ store, addUnlinked }) => {
      await addUnlinked(EMAIL);
      assert.equal(await store.linkByVerifiedEmail(ISSUER, 'mallory', email), undefined);
      assert.equal(await store.findBySubject(ISSUER, 'mallory', CLAIMS), undefined);
      assert.ok(await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL));
    });
  }

  test('links nobody without an address (U2)', async ({ store, addUnlinked }) => {
    await addUnlinked('');
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'alice', ''), undefined);
  });

  for (const [subject] of NOT_IDENTIFIERS) {
    test(`does not link ${shown(subject)}, or as it is (I11, U10)`, async ({ store, addUnlinked }) => {
      await addUnlinked(EMAIL);
      const user = await store.linkByVerifiedEmail(ISSUER, subject, EMAIL).catch(() => undefined);
      assert.deepEqual(await foundOrRefused(store, subject), user);
      if (user === undefined) assert.ok(await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL));
    });
  }

  test('gives a linked user to nobody else (U2, U3)', async ({ store, addUnlinked }) => {
    await addUnlinked(EMAIL);
    const user = structuredClone(await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL));
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'mallory', EMAIL), undefined);
    assert.equal(await store.findBySubject(ISSUER, 'mallory', CLAIMS), undefined);
    assert.deepEqual(structuredClone(await store.findBySubject(ISSUER, 'alice', CLAIMS)), user);
  });

  test('links parallel calls of one person to one user, and all get it (U1)', async ({
    store,
    addUnlinked,
  }) => {
    await addUnlinked(EMAIL);
    const calls = Array.from({ length: 20 }, () => store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL));
    const users = await Promise.all(calls);
    const found = await store.findBySubject(ISSUER, 'alice', CLAIMS);
    assert.ok(found);
    for (const user of users) assert.deepEqual(user, found);
  });

  test('lets one of four subjects win a race for one address (U2)', async ({ store, addUnlinked }) => {
    await addUnlinked(EMAIL);
    const subjects = ['alice', 'mallory', 'alice-2', 'mallory-2'];
    const users = await Promise.all(
      subjects.map((subject) => store.linkByVerifiedEmail(ISSUER, subject, EMAIL)),
    );
    assert.equal(users.filter((user) => user !== undefined).length, 1);
    for (const [index, subject] of subjects.entries()) {
      assert.deepEqual(await store.findBySubject(ISSUER, subject, CLAIMS), users[index]);
    }
  });
}

export function describeLinkBesideUsers<U>(test: Test<U>): void {
  test('does not link who has a subject already (U2)', async ({ store }) => {
    const user = structuredClone(await store.create(ISSUER, 'alice', PROFILE));
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'mallory', EMAIL), undefined);
    assert.equal(await store.findBySubject(ISSUER, 'mallory', CLAIMS), undefined);
    assert.deepEqual(structuredClone(await store.findBySubject(ISSUER, 'alice', CLAIMS)), user);
  });

  test('links nobody where a linked user has the address too (U2)', async ({ store, addUnlinked }) => {
    await store.create(ISSUER, 'alice', PROFILE);
    await addUnlinked(EMAIL);
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'mallory', EMAIL), undefined);
    assert.equal(await store.findBySubject(ISSUER, 'mallory', CLAIMS), undefined);
  });

  test('does not give one subject two users (U1)', async ({ store, addUnlinked }) => {
    const bob = structuredClone(await store.create(ISSUER, 'bob', { claims: {} }));
    await addUnlinked(EMAIL);
    assert.equal(await store.linkByVerifiedEmail(ISSUER, 'bob', EMAIL), undefined);
    assert.deepEqual(structuredClone(await store.findBySubject(ISSUER, 'bob', CLAIMS)), bob);
    assert.ok(await store.linkByVerifiedEmail(ISSUER, 'alice', EMAIL));
  });
}
