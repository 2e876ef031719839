import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from '../../src/backend/deadline.ts';
import { InvalidTokenError, UserStoreError } from '../../src/errors.ts';

const MS = 100;
const never = () => new Promise<never>(() => undefined);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a deadline (U8)', () => {
  it('hands on what is there at once, without a promise and without a timer', () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    expect(new Deadline(MS).within(() => 'Alice')).toBe('Alice');
    expect(timers).not.toHaveBeenCalled();
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
  ])('makes a UserStoreError of a store that %s', async (_, ask) => {
    const error: unknown = await Promise.resolve(new Deadline(MS).within(ask)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserStoreError);
    expect((error as Error).cause).toEqual(new Error('down'));
  });

  it('hands on an error of this package as it is', async () => {
    const refused = new InvalidTokenError('unknown_user', 'gone');
    await expect(new Deadline(MS).within(() => Promise.reject(refused))).rejects.toBe(refused);
  });
});

describe('those who wait (X3)', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });

  it('each give up when their own time is over, by one timer for all', async () => {
    const deadline = new Deadline(MS);
    const givenUp: string[] = [];
    const wait = (name: string) =>
      Promise.resolve(deadline.within(never)).catch((error: unknown) => {
        givenUp.push(name);
        expect((error as Error).cause).toEqual(new Error('no answer within 100 ms'));
      });
    void wait('first');
    await vi.advanceTimersByTimeAsync(40);
    void wait('second');
    void wait('third');
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(59);
    expect(givenUp).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(givenUp).toEqual(['first']);
    await vi.advanceTimersByTimeAsync(39);
    expect(givenUp).toEqual(['first']);
    await vi.advanceTimersByTimeAsync(1);
    expect(givenUp).toEqual(['first', 'second', 'third']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are not cut short by a timer of somebody who has got an answer', async () => {
    const deadline = new Deadline(MS);
    await deadline.within(() => Promise.resolve('Alice'));
    await vi.advanceTimersByTimeAsync(90);
    let error: unknown;
    Promise.resolve(deadline.within(never)).catch((reason: unknown) => (error = reason));
    await vi.advanceTimersByTimeAsync(99);
    expect(error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(error).toBeInstanceOf(UserStoreError);
  });
});

it('keeps the process alive while somebody waits, and no longer (X3)', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const deadline = new Deadline(60_000);
  const answers: ((found: string) => void)[] = [];
  const ask = () => new Promise<string>((resolve) => answers.push(resolve));
  const first = deadline.within(ask);
  const timer = timers.mock.results[0]?.value as NodeJS.Timeout;
  expect(timer.hasRef()).toBe(true);
  answers[0]?.('Alice');
  await first;
  expect(timer.hasRef()).toBe(false);
  const second = deadline.within(ask);
  expect(timer.hasRef()).toBe(true);
  answers[1]?.('Bob');
  expect(await second).toBe('Bob');
  expect(timer.hasRef()).toBe(false);
  expect(timers).toHaveBeenCalledTimes(1);
  clearTimeout(timer);
});
