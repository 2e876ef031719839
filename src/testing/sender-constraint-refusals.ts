import assert from 'node:assert/strict';
import {
  assertRefused,
  claimsWith,
  claimsWithCnf,
  newToken,
  type Test,
  verify,
} from './sender-constraint-under-test.ts';

/** What a careless comparison takes for the value of the key. */
const LOOKALIKES: readonly (readonly [name: string, change: (value: string) => unknown])[] = [
  ['cut short', (value) => value.slice(0, -1)],
  ['with more at its end', (value) => `${value}A`],
  ['with a blank at its end', (value) => `${value} `],
  ['padded', (value) => `${value}=`],
  ['in other letters', (value) => swapCase(value)],
  ['the empty text', () => ''],
  ['a number', () => 1],
  ['true', () => true],
  ['null', () => null],
  ['an array with it', (value) => [value]],
  ['an empty array', () => []],
  ['an object', () => ({})],
  ['an object with it', (value) => ({ value })],
];

export function describeRefusals(test: Test): void {
  test('the sender who proves to hold the key', async ({ constraint, newSender }) => {
    const sender = await newSender();
    const token = newToken(constraint);
    const claims = claimsWith(constraint, sender.confirmation);
    await verify({ constraint, token, claims, request: await sender.request(token) });
  });

  test('nobody without a proof', async ({ constraint, newSender, requestWithoutProof }) => {
    const token = newToken(constraint);
    const claims = claimsWith(constraint, (await newSender()).confirmation);
    await assertRefused({ constraint, token, claims, request: requestWithoutProof(token) });
  });

  test('nobody with a proof of another key', async ({ constraint, newSender }) => {
    const [alice, mallory] = [await newSender(), await newSender()];
    const token = newToken(constraint);
    const claims = claimsWith(constraint, alice.confirmation);
    await assertRefused({ constraint, token, claims, request: await mallory.request(token) });
  });

  test('nobody with a proof for another token', async ({ constraint, newSender, provesAnyToken = false }) => {
    if (provesAnyToken) return;
    const sender = await newSender();
    const [token, other] = [newToken(constraint), newToken(constraint)];
    const claims = claimsWith(constraint, sender.confirmation);
    await assertRefused({ constraint, token, claims, request: await sender.request(other) });
  });

  for (const [name, change] of LOOKALIKES) {
    test(`nobody where cnf has the value ${name}`, async ({ constraint, newSender }) => {
      const sender = await newSender();
      const token = newToken(constraint);
      const changed = change(sender.confirmation);
      // Some values have no letters.
      if (changed === sender.confirmation) return;
      const claims = claimsWith(constraint, changed);
      await assertRefused({ constraint, token, claims, request: await sender.request(token) });
    });
  }

  for (const [name, cnf] of [
    ['is not there', undefined],
    ['is null', null],
    ['is a number', 1],
    ['is a text', 'cnf'],
    ['is an array', []],
    ['is empty', {}],
    ['has another member', { kid: 'of-another-key' }],
  ] as const) {
    test(`nobody where cnf ${name}`, async ({ constraint, newSender, requestWithoutProof }) => {
      const sender = await newSender();
      const token = newToken(constraint);
      const claims = claimsWithCnf(cnf);
      await assertRefused({ constraint, token, claims, request: await sender.request(token) });
      await assertRefused({ constraint, token, claims, request: requestWithoutProof(token) });
    });
  }
}

/** They are the application's too. */
export function describeClaims(test: Test): void {
  test('stay as they are', async ({ constraint, newSender, requestWithoutProof }) => {
    const sender = await newSender();
    const token = newToken(constraint);
    const claims = structuredClone(claimsWith(constraint, sender.confirmation));
    const before = structuredClone(claims);
    await verify({ constraint, token, claims, request: await sender.request(token) });
    assert.deepEqual(claims, before);
    await assertRefused({ constraint, token, claims, request: requestWithoutProof(token) });
    assert.deepEqual(claims, before);
  });
}

function swapCase(value: string): string {
  return value.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
