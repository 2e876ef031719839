import { expect, it } from 'vitest';
import { Admissions } from '../../src/framework/admissions.ts';

it('keeps the admissions of several guards for one request apart (R11)', () => {
  const [first, second, third] = [new Admissions(), new Admissions(), new Admissions()];
  const request = {};
  first.add(request, 'by the first');
  second.add(request, undefined);
  expect([first.of(request), second.of(request)]).toEqual(['by the first', undefined]);
  expect(() => third.of(request)).toThrow(TypeError);
  expect(() => first.of({})).toThrow(TypeError);
});

it('answers with the last of several admissions by one guard (R11)', () => {
  const admissions = new Admissions();
  const request = {};
  admissions.add(request, 'before');
  admissions.add(request, 'after');
  expect(admissions.of(request)).toBe('after');
});

it('leaves no trace on the request that a handler or a log can see (E1)', () => {
  const request = {};
  new Admissions().add(request, 'who');
  expect(Reflect.ownKeys(request)).toEqual([]);
});
