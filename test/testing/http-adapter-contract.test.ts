import { httpAdapterContract } from 'oidc-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { BROKEN_ADAPTERS } from './broken-adapters.ts';
import { outcomeOf, recordingRunner } from './recording-runner.ts';

// That the right ones pass is in test/http/, for each of them.
describe('an HTTP adapter that', () => {
  it.each(Object.entries(BROKEN_ADAPTERS))(
    '%s is found out, there and nowhere else',
    { timeout: 60_000 },
    async (_, [make, found]) => {
      const { runner, tests } = recordingRunner();
      httpAdapterContract(runner, make, { trustsCa: false });
      const { failed } = await outcomeOf(tests);
      expect(failed).not.toEqual([]);
      expect(failed.filter((name) => !found.test(name))).toEqual([]);
    },
  );
});

it('without an authority to be told of, what needs one is left out and nothing else', () => {
  const namesOf = (trustsCa: boolean): string[] => {
    const { runner, tests } = recordingRunner();
    httpAdapterContract(runner, () => expect.fail('no test was run'), { trustsCa });
    return tests.map(({ name }) => name);
  };
  const all = namesOf(true);
  expect(all.length).toBeGreaterThan(60);
  expect(all.filter((name) => !namesOf(false).includes(name))).toHaveLength(4);
});
