import { httpAdapterContract } from 'oidc-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { BROKEN_ADAPTERS } from './broken-adapters.ts';
import { outcomeOf, recordingRunner } from './recording-runner.ts';

// That the right ones pass is in test/http/, for each of them.
describe('an HTTP adapter that', () => {
  it.each(Object.entries(BROKEN_ADAPTERS))('%s is found out', async (_, [make, found]) => {
    const { runner, tests } = recordingRunner();
    httpAdapterContract(runner, make, { trustsCa: false });
    // Only those that have to find it, up to the first: the whole suite waits for deadlines, and there are many adapters.
    for (const test of tests.filter(({ name }) => found.test(name))) {
      if ((await outcomeOf([test])).failed.length > 0) return;
    }
    expect.unreachable('no test has failed');
  });
});

it('without an authority to be told of, what needs one is left out and nothing else', () => {
  const namesOf = (trustsCa: boolean): string[] => {
    const { runner, tests } = recordingRunner();
    httpAdapterContract(runner, () => expect.fail('no test was run'), { trustsCa });
    return tests.map(({ name }) => name);
  };
  const all = namesOf(true);
  const without = namesOf(false);
  expect(all.length).toBeGreaterThan(60);
  expect(all.filter((name) => !without.includes(name))).toHaveLength(4);
});
