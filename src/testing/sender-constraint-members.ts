import assert from 'node:assert/strict';
import type { Test } from './sender-constraint-under-test.ts';

// RFC 9110 section 5.5: what a header may be made of, here without what is obsolete in it.
const PRINTABLE = /^[\x20-\x7E]+$/;

export function describeMembers(test: Test): void {
  test('confirmation is the name of a member of cnf', ({ constraint }) => {
    assert.equal(typeof constraint.confirmation, 'string');
    assert.match(constraint.confirmation, /^[\x21-\x7E]+$/);
    return Promise.resolve();
  });

  test('scheme, if there is one, is DPoP', ({ constraint }) => {
    assert.ok(constraint.scheme === undefined || constraint.scheme === 'DPoP');
    return Promise.resolve();
  });

  test('challenge(), if there is one, is printable ASCII', ({ constraint }) => {
    if (constraint.challenge === undefined) return Promise.resolve();
    const challenge: unknown = constraint.challenge();
    assert.ok(typeof challenge === 'string' && PRINTABLE.test(challenge));
    return Promise.resolve();
  });
}
