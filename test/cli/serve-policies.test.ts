import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parsePolicies } from '../../src/cli/serve/policies.ts';
import { oidcRs } from '../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-policies-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const parse = (policies: unknown) =>
  parsePolicies(typeof policies === 'string' ? policies : JSON.stringify(policies));

describe('a file of policies', () => {
  it('says what each asks for', () => {
    const { policies, problems } = parse({
      reports: { scopes: ['reports:read', 'groups'], anyScope: ['a', 'b'] },
      jobs: { clients: true, optional: false },
      'front-door_1': { optional: true, clients: false },
      nothing: {},
    });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(policies)).toEqual({
      reports: { scopes: ['reports:read', 'groups'], anyScope: ['a', 'b'] },
      jobs: { clients: true },
      'front-door_1': { optional: true },
      nothing: {},
    });
  });

  it('takes the names of what every object has for nothing special', () => {
    const { policies, problems } = parse('{ "__proto__": {"clients": true}, "constructor": {} }');
    expect(problems).toEqual([]);
    expect([...policies.keys()]).toEqual(['__proto__', 'constructor']);
    expect(policies.get('toString')).toBeUndefined();
    expect(policies.get('__proto__')).toEqual({ clients: true });
  });

  it('inherits nothing from a member that is called __proto__', () => {
    const { policies, problems } = parse('{ "open": { "__proto__": { "optional": true } } }');
    expect(policies.get('open')).toEqual({});
    expect(problems).toEqual([expect.stringContaining('open: "__proto__" means nothing')]);
  });

  it.each([
    ['no JSON', '{ open: {} }', 'It is not JSON'],
    ['a list', [], 'It is not an object of policies'],
    ['null', null, 'It is not an object of policies'],
    ['a name with a slash', { 'a/b': {} }, '"a/b" is no name'],
    ['an empty name', { '': {} }, '"" is no name'],
    ['a long name', { ['x'.repeat(65)]: {} }, 'is no name'],
    ['a policy that is a list', { open: ['groups'] }, 'open is not an object'],
    ['scopes as a text', { open: { scopes: 'groups' } }, 'open: "scopes" is not a list of scopes'],
    ['no scopes', { open: { scopes: [] } }, 'open: "scopes" is empty'],
    [
      'two scopes in one text',
      { open: { anyScope: ['a b'] } },
      'open: "anyScope" has "a b", which is no scope',
    ],
    ['a scope that is a number', { open: { scopes: [1] } }, 'open: "scopes" has 1, which is no scope'],
    ['a quote in a scope', { open: { scopes: ['a"b'] } }, 'which is no scope'],
    ['a switch as a text', { open: { clients: 'no' } }, 'open: "clients" is neither true nor false'],
    ['a switch as null', { open: { optional: null } }, 'open: "optional" is neither true nor false'],
    [
      'a slip',
      { open: { any_scope: ['a'] } },
      '"any_scope" means nothing; the nearest one that does is "anyScope"',
    ],
    [
      'another slip',
      { open: { scope: ['a'] } },
      '"scope" means nothing; the nearest one that does is "scopes"',
    ],
    ['a third', { open: { Client: true } }, '"Client" means nothing; the nearest one that does is "clients"'],
    ['a name twice', '{ "a": {"scopes":["x"]}, "a": {} }', 'a is there twice'],
    ['a member twice', '{ "a": { "clients": true, "\\u0063lients": false } }', 'clients is there twice'],
  ])('with %s is refused', (_, policies, problem) => {
    expect(parse(policies).problems.join('\n')).toContain(problem);
  });

  it('may have the same member in two policies, and braces in texts', () => {
    expect(
      parse('{ "a": { "scopes": ["{x:", "y}"] }, "b": { "scopes": ["scopes", "a"] } }').problems,
    ).toEqual([]);
  });

  it('stops the start with every problem at once, and says which file', async () => {
    const file = join(folder, 'policies.json');
    writeFileSync(file, JSON.stringify({ 'a b': {}, c: { scopes: 'x', optinal: true } }));
    const { code, out, err } = await oidcRs(['serve', '--policies', file]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.trim().split('\n')).toEqual([
      `--policies: ${file} cannot be used. Correct this:`,
      '  - "a b" is no name: use 1 to 64 letters, digits, "-" and "_" of ASCII.',
      '  - c: "scopes" is not a list of scopes, such as ["reports:read"].',
      '  - c: "optinal" means nothing; the nearest one that does is "optional".',
    ]);
    expect((await oidcRs(['serve', '--policies', join(folder, 'none.json')])).err).toMatch(
      /--policies: \S+none\.json cannot be read \(ENOENT\)/,
    );
  });
});
