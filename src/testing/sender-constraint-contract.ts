import { describeClaims, describeRefusals } from './sender-constraint-refusals.ts';
import { describeMembers } from './sender-constraint-members.ts';
import { describeParallel } from './sender-constraint-parallel.ts';
import type {
  SenderConstraintFactory,
  SenderConstraintUnderTest,
  TestSender,
  Test,
} from './sender-constraint-under-test.ts';
import type { TestRunner } from './test-runner.ts';

export type { SenderConstraintFactory, SenderConstraintUnderTest, TestSender };

/**
 * Tests that a sender constraint keeps the contract: whoever holds the key comes in, nobody else does, whatever `cnf`
 * says, and however requests are mixed. Call it in a test file.
 *
 * It knows nothing of the form of a proof: what makes one stale, replayed or malformed is for tests of your own.
 *
 * @example
 * {@includeCode ../../examples/testing/node-test/contracts.test.ts#constraint}
 *
 * @param runner `describe` and `it` of any test runner.
 * @param factory Makes a constraint and its senders, for each test anew.
 * @see {@link https://www.rfc-editor.org/rfc/rfc7800#section-3.1 | RFC 7800 section 3.1}
 *
 * @category Extend
 */
export function senderConstraintContract(runner: TestRunner, factory: SenderConstraintFactory): void {
  const test: Test = (name, body) =>
    void runner.it(name, async () => {
      const tested = await factory();
      try {
        await body(tested);
      } finally {
        await tested.close?.();
      }
    });

  runner.describe('what it is called', () => {
    describeMembers(test);
  });
  runner.describe('who comes in', () => {
    describeRefusals(test);
  });
  runner.describe('the claims', () => {
    describeClaims(test);
  });
  runner.describe('other requests', () => {
    describeParallel(test);
  });
}
