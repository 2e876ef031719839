import {
  assertRefused,
  type Attempt,
  claimsWith,
  newToken,
  type SenderConstraintUnderTest,
  type Test,
  verify,
} from './sender-constraint-under-test.ts';

/** One request serves another neither as a proof nor as an obstacle. */
export function describeParallel(test: Test): void {
  test('of the same sender, one after the other and at the same time', async (tested) => {
    const { good } = await attempts(tested);
    await verify(await good());
    await verify(await good());
    await Promise.all((await made(10, good)).map(verify));
  });

  test('that are good let no bad one in afterwards', async (tested) => {
    const { good, bad } = await attempts(tested);
    await verify(await good());
    for (const attempt of bad) await assertRefused(await attempt());
  });

  test('that are bad keep no good one out afterwards', async (tested) => {
    const { good, bad } = await attempts(tested);
    for (const attempt of bad) await assertRefused(await attempt());
    await verify(await good());
  });

  test('good and bad, of several senders at the same time, are not mixed up', async (tested) => {
    const [alice, bob] = [await attempts(tested), await attempts(tested)];
    const good = [...(await made(10, alice.good)), ...(await made(10, bob.good))];
    const bad = await Promise.all([...alice.bad, ...bob.bad].map((attempt) => attempt()));
    const outcomes = good.flatMap((attempt, index) => {
      const refused = bad[index % bad.length];
      return refused === undefined ? [verify(attempt)] : [verify(attempt), assertRefused(refused)];
    });
    await Promise.all(outcomes);
  });
}

type MakeAttempt = () => Promise<Attempt>;

/** Attempts with one token: good ones, with a fresh proof each, and bad ones of two kinds. */
async function attempts({ constraint, newSender, requestWithoutProof }: SenderConstraintUnderTest): Promise<{
  readonly good: MakeAttempt;
  readonly bad: readonly MakeAttempt[];
}> {
  const [sender, mallory] = [await newSender(), await newSender()];
  const token = newToken(constraint);
  const common = { constraint, token, claims: claimsWith(constraint, sender.confirmation) };
  return {
    good: async () => ({ ...common, request: await sender.request(token) }),
    bad: [
      () => Promise.resolve({ ...common, request: requestWithoutProof(token) }),
      async () => ({ ...common, request: await mallory.request(token) }),
    ],
  };
}

function made(count: number, make: MakeAttempt): Promise<Attempt[]> {
  return Promise.all(Array.from({ length: count }, () => make()));
}
