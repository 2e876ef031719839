import { describeEntries } from './claims-cache-entries.ts';
import { describeMarks, describeSharing } from './claims-cache-marks.ts';
import type { CacheTest, ClaimsCacheFactory, ClaimsCacheUnderTest } from './claims-cache-under-test.ts';
import type { TestRunner } from './test-runner.ts';

export type { ClaimsCacheFactory, ClaimsCacheUnderTest };

/**
 * Tests that a claims cache keeps the contract: what it gives back, for how long, and that no revocation is lost. Where the
 * factory gives `another`, it also tests that a revocation reaches whoever shares the store. Await it at the top of a
 * test file.
 *
 * It does not test what becomes of a store that is slow, down or corrupt: only you can make yours fail. It has to be a miss
 * at once, and `Infinity` from `notBefore`.
 *
 * @param runner `describe` and `it` of any test runner.
 * @param factory Makes an empty cache, for each test anew.
 *
 * @category Extend
 */
export async function claimsCacheContract(runner: TestRunner, factory: ClaimsCacheFactory): Promise<void> {
  const probe = await factory();
  const isShared = probe.another !== undefined;
  await probe.close?.();

  const test: CacheTest = (name, body) =>
    runner.it(name, async () => {
      const tested = await factory();
      try {
        await body(tested);
      } finally {
        await tested.close?.();
      }
    });

  runner.describe('entries', () => {
    describeEntries(test);
  });
  runner.describe('marks', () => {
    describeMarks(test);
  });
  if (isShared) {
    runner.describe('sharing', () => {
      describeSharing(test);
    });
  }
}
