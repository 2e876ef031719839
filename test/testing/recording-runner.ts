import type { TestRunner } from '../../src/testing/index.ts';

/** A test that a suite has described. */
export interface DescribedTest {
  /** Its name, with those of its groups before it. */
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** What became of the tests of a suite. */
export interface Outcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** Collects the tests that a suite describes, instead of running them. */
export function recordingRunner(): { readonly runner: TestRunner; readonly tests: readonly DescribedTest[] } {
  const tests: DescribedTest[] = [];
  const groups: string[] = [];
  return {
    tests,
    runner: {
      describe: (name, body) => {
        groups.push(name);
        body();
        groups.pop();
      },
      it: (name, run) => {
        tests.push({ name: [...groups, name].join(' > '), run });
      },
    },
  };
}

/** Runs tests one after the other, and says which of them fail. */
export async function outcomeOf(tests: readonly DescribedTest[]): Promise<Outcome> {
  const passed: string[] = [];
  const failed: string[] = [];
  for (const { name, run } of tests) {
    const list = await run().then(
      () => passed,
      () => failed,
    );
    list.push(name);
  }
  return { passed, failed };
}
