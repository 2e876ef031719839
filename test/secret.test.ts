import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AccessToken, referenceOf, Secret } from '../src/secret.ts';

const VALUE = 'hunter2';

describe.each([
  ['Secret', () => new Secret(VALUE)],
  ['AccessToken', () => new AccessToken(VALUE)],
] as const)('%s', (_, make) => {
  const secret = make();

  it('reveals its value to whom asks for it', () => {
    expect(secret.reveal()).toBe(VALUE);
  });

  it.each<[string, () => string]>([
    ['String', () => String(secret)],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- what a careless log line does
    ['a template', () => `${secret}`],
    ['concatenation', () => ''.concat(secret as unknown as string)],
    ['toString', () => secret.toString()],
    ['JSON', () => JSON.parse(JSON.stringify(secret)) as string],
    ['inspect', () => inspect(secret)],
    ['inspect with everything', () => inspect(secret, { showHidden: true, getters: true, depth: null })],
    ...['%s', '%o', '%O'].map((verb): [string, () => string] => [verb, () => format(verb, secret)]),
  ])('prints as [secret]: %s (A9, E1)', (_way, print) => {
    expect(print()).toBe('[secret]');
  });

  it.each<[string, () => unknown]>([
    ['JSON of what holds it', () => JSON.stringify({ a: [secret] })],
    ['%j', () => format('%j', { secret })],
    ['inspect of what holds it', () => inspect({ a: { b: [secret] } }, { depth: 9, showHidden: true })],
    ['inspect without its own way', () => inspect(secret, { customInspect: false, showHidden: true })],
    ['an error', () => inspect(new Error(`refused: ${String(secret)}`, { cause: secret }))],
    ['a copy by members', () => inspect(Object.assign({}, secret))],
    ['a structured clone', () => inspect(structuredClone(secret))],
    ['its entries', () => JSON.stringify(Object.entries(secret))],
    ['its own names', () => Object.getOwnPropertyNames(secret).join()],
  ])('does not show: %s (A9, E1)', (_way, print) => {
    expect(print()).not.toContain(VALUE);
  });
});

describe('an access token', () => {
  it('knows the scheme under which it was sent', () => {
    expect(new AccessToken(VALUE).scheme).toBe('Bearer');
    expect(new AccessToken(VALUE, 'DPoP').scheme).toBe('DPoP');
  });

  it('has a reference for logs, equal for equal tokens (E1)', () => {
    const { reference } = new AccessToken(VALUE);
    expect(reference).toMatch(/^[0-9a-f]{8}$/);
    expect(new AccessToken(VALUE, 'DPoP').reference).toBe(reference);
    expect(new AccessToken(`${VALUE} `).reference).not.toBe(reference);
    expect(referenceOf(VALUE)).toBe(reference);
  });
});
