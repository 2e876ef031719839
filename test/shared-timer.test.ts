import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SharedTimer, Waiting } from '../src/shared-timer.ts';

const MS = 100;
const expired: string[] = [];

class Named extends Waiting {
  readonly name: string;
  readonly #follow: () => void;

  constructor(name: string, follow: () => void = () => undefined) {
    super();
    this.name = name;
    this.#follow = follow;
  }

  override expire(): void {
    expired.push(this.name);
    this.#follow();
  }
}

beforeEach(() => {
  expired.length = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('one timer for all (X3)', () => {
  it.each([
    ['the first', ['a'], 'bc'],
    ['one in the middle', ['b'], 'ac'],
    ['the last', ['c'], 'ab'],
    ['some', ['a', 'c'], 'b'],
    ['all', ['b', 'a', 'c'], ''],
    ['the same twice', ['b', 'b'], 'ac'],
  ])('forgets who has stopped: %s', (_, stopped, left) => {
    const timer = new SharedTimer(MS);
    const waiting = ['a', 'b', 'c'].map((name) => new Named(name));
    for (const one of waiting) timer.start(one);
    for (const name of stopped) timer.stop(waiting.find((one) => one.name === name) as Named);
    const late = new Named('d');
    timer.start(late);
    vi.advanceTimersByTime(MS);
    expect(expired.join('')).toBe(`${left}d`);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves out who is stopped by somebody who gives up', () => {
    const timer = new SharedTimer(MS);
    const second = new Named('second');
    timer.start(
      new Named('first', () => {
        timer.stop(second);
      }),
    );
    timer.start(second);
    timer.start(new Named('third'));
    vi.advanceTimersByTime(MS);
    expect(expired).toEqual(['first', 'third']);
  });

  it('lets somebody begin to wait when somebody gives up', () => {
    const timer = new SharedTimer(MS);
    timer.start(
      new Named('first', () => {
        timer.start(new Named('next'));
      }),
    );
    vi.advanceTimersByTime(MS);
    expect(expired).toEqual(['first']);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(MS);
    expect(expired).toEqual(['first', 'next']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes on for the others when one of them throws', () => {
    const timer = new SharedTimer(MS);
    timer.start(
      new Named('first', () => {
        throw new Error('bad');
      }),
    );
    timer.start(new Named('second'));
    expect(() => vi.advanceTimersByTime(MS)).toThrow('bad');
    vi.advanceTimersByTime(1);
    expect(expired).toEqual(['first', 'second']);
  });
});
