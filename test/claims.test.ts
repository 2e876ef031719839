import { describe, expect, it } from 'vitest';
import {
  callerAudience,
  type Claims,
  freezeClaims,
  identityOf,
  isIdentifier,
  ownClaim,
  scopesOf,
} from '../src/claims.ts';

const invalid = (reason: string) => expect.objectContaining({ code: 'ERR_INVALID_TOKEN', reason }) as unknown;

function nested(depth: number): Claims {
  let value: unknown = 'innermost';
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return { value };
}

describe('freezeClaims', () => {
  it('copies and freezes all the way down (I15, C10)', () => {
    const claims = { sub: 'alice', groups: [{ name: 'staff', tags: ['a'] }], address: { country: 'FR' } };
    const frozen = freezeClaims(claims);
    expect(frozen).toEqual(claims);
    expect(frozen).not.toBe(claims);
    for (const part of [frozen, frozen.groups, frozen.groups[0], frozen.groups[0]?.tags, frozen.address]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(claims) || Object.isFrozen(claims.groups)).toBe(false);
  });

  it('keeps no prototype of any object (I2)', () => {
    const frozen = freezeClaims({ a: { b: {} }, list: [{}] });
    const { b } = frozen.a;
    for (const object of [frozen, frozen.a, b, frozen.list[0]]) {
      expect(Object.getPrototypeOf(object)).toBeNull();
      expect('toString' in (object as object)).toBe(false);
    }
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'toJSON'])(
    'takes a member called %s for data (I2)',
    (name) => {
      const frozen = freezeClaims(JSON.parse(`{"${name}":{"admin":true}}`) as Claims);
      expect(Object.keys(frozen)).toEqual([name]);
      expect(ownClaim(frozen, name)).toEqual({ admin: true });
      expect([frozen.admin, ({} as Claims).admin]).toEqual([undefined, undefined]);
    },
  );

  it('leaves behind what is not own or not enumerable', () => {
    const claims = Object.create({ admin: true }, { hidden: { value: 1 } }) as Record<string, unknown>;
    claims.sub = 'alice';
    expect(Object.getOwnPropertyNames(freezeClaims(claims))).toEqual(['sub']);
    expect(freezeClaims({ within: claims }).within).toEqual({ sub: 'alice' });
  });

  it('copies once: what it has frozen it returns as it is', () => {
    const frozen = freezeClaims({ sub: 'alice' });
    expect(freezeClaims(frozen)).toBe(frozen);
    const frozenByOthers = Object.freeze({ groups: ['staff'] });
    expect(freezeClaims(frozenByOthers)).not.toBe(frozenByOthers);
    expect(freezeClaims({ ...frozen, extra: [] }).extra).toEqual([]);
  });

  it('goes 32 levels deep and no deeper (A3)', () => {
    expect(freezeClaims(nested(32))).toEqual(nested(32));
    expect(() => freezeClaims(nested(33))).toThrow(RangeError);
    expect(() => freezeClaims(nested(100_000))).toThrow(RangeError);
    const circular: Record<string, unknown> = {};
    circular.self = [circular];
    expect(() => freezeClaims(circular)).toThrow(RangeError);
  });

  it.each([undefined, null, 'claims', 42, true])('throws where there are no claims: %j', (nothing) => {
    expect(() => freezeClaims(nothing as unknown as Claims)).toThrow(TypeError);
  });
});

describe('ownClaim', () => {
  it('reads own members alone (I1, I2)', () => {
    const claims = Object.assign(Object.create({ active: true }) as object, { sub: 'alice', iss: null });
    expect([ownClaim(claims, 'sub'), ownClaim(claims, 'iss'), ownClaim(claims, 'active')]).toEqual([
      'alice',
      null,
      undefined,
    ]);
    expect(ownClaim({}, 'toString')).toBeUndefined();
    expect(ownClaim({}, '__proto__')).toBeUndefined();
  });
});

describe('isIdentifier', () => {
  it.each(['a', 'a'.repeat(255), '0', '%', '__proto__', "'; --", 'a b', 'é', '😀'])(
    'takes %j (I11)',
    (value) => {
      expect(isIdentifier(value)).toBe(true);
    },
  );

  it.each([
    ...['', ' ', ' a', 'a ', 'a\n', 'a\nb', '\0', 'a\0b', '\u001b[31m', '\u007f', '\u0085', '\u009f'],
    ...['\u00a0a', 'a\u2028', '\ufeffa', '\ud800', 'a\udfffb', 'a'.repeat(256)],
    ...[undefined, null, 0, 1, true, [], ['a'], {}, { $gt: '' }, new String('a'), Symbol('a'), () => 'a'],
  ])('refuses %j (I11)', (value) => {
    expect(isIdentifier(value)).toBe(false);
  });
});

describe('identityOf', () => {
  it.each([
    [{ sub: 'alice', client_id: 'web-app' }, { subject: 'alice' }],
    [{ sub: 'alice' }, { subject: 'alice' }],
    [{ sub: 'alice', client_id: null }, { subject: 'alice' }],
    [{ sub: 'alice', client_id: 42 }, { subject: 'alice' }],
    [{ sub: 'web-app', client_id: 'Web-App' }, { subject: 'web-app' }],
    [{ client_id: 'web-app' }, { client: 'web-app' }],
    [{ sub: null, client_id: 'web-app' }, { client: 'web-app' }],
    [{ sub: 'web-app', client_id: 'web-app' }, { client: 'web-app' }],
  ])('of %j is %j (I10)', (claims: Claims, identity) => {
    expect(identityOf(claims)).toEqual(identity);
  });

  it.each([
    [{}],
    [{ sub: null }],
    [{ client_id: '' }],
    [{ client_id: 'a\nb' }],
    [{ client_id: ['web-app'] }],
    [{ sub: '', client_id: 'web-app' }],
    [{ sub: '', client_id: '' }],
    [{ sub: 0, client_id: 0 }],
    [{ sub: ['alice'], client_id: 'web-app' }],
    [Object.create({ sub: 'alice', client_id: 'web-app' }) as Claims],
  ])('of %j is none (I10, I11)', (claims: Claims) => {
    expect(() => identityOf(claims)).toThrow(invalid('subject'));
  });
});

describe('scopesOf', () => {
  it.each([
    ['groups', ['groups']],
    ['openid groups', ['openid', 'groups']],
    ['groups Groups groups', ['groups', 'Groups', 'groups']],
    ['  openid   groups ', ['openid', 'groups']],
    ['openid,groups', ['openid,groups']],
    ['openid\tgroups', ['openid\tgroups']],
    ['openid\ngroups', ['openid\ngroups']],
    ['openid\u00a0groups', ['openid\u00a0groups']],
    ['', []],
    [' ', []],
    [['openid', 'groups'], []],
    [{ groups: true }, []],
    [null, []],
    [undefined, []],
    [42, []],
  ])('of %j are %j, frozen (I7)', (scope, scopes) => {
    expect(scopesOf({ scope })).toEqual(scopes);
    expect(Object.isFrozen(scopesOf({ scope }))).toBe(true);
  });

  it('of a prototype are none (I1)', () => {
    expect(scopesOf(Object.create({ scope: 'groups' }) as Claims)).toEqual([]);
  });
});

describe('callerAudience', () => {
  const APPS = ['web-app', 'mobile-app'];

  it.each([
    ['web-app', [], 'web-app'],
    [['web-app'], [], 'web-app'],
    ['anything at all', [], 'anything at all'],
    ['web-app', APPS, 'web-app'],
    [['web-app'], APPS, 'web-app'],
    [['other', 'mobile-app'], APPS, 'mobile-app'],
    [['other', 42, null, 'mobile-app'], APPS, 'mobile-app'],
  ])('of %j, allowed %j, is %j (I6)', (azp, allowed, audience) => {
    expect(callerAudience({ azp }, 'azp', allowed)).toBe(audience);
  });

  it.each<[unknown, readonly string[]]>([
    ...[undefined, null, '', ' ', 0, 42, true, {}, { 'web-app': true }, [], [''], [42], [['web-app']]].map(
      (azp): [unknown, []] => [azp, []],
    ),
    [['web-app', 'mobile-app'], []],
    [['web-app', 'web-app'], []],
    ['Web-App', APPS],
    ['web-app ', APPS],
    ['web', APPS],
    ['other', APPS],
    [['other'], APPS],
    [[], APPS],
    [APPS, APPS],
    [[['web-app']], APPS],
    ['web-app,mobile-app', APPS],
    [undefined, APPS],
    ['undefined', APPS],
  ])('of %j, allowed %j, is none (I6)', (azp, allowed) => {
    expect(() => callerAudience({ azp }, 'azp', allowed)).toThrow(invalid('audience'));
  });

  it('is read from the claim that is named, and from no prototype (I15)', () => {
    expect(callerAudience({ azp: 'web-app', client_id: 'other' }, 'client_id', [])).toBe('other');
    for (const name of ['toString', '__proto__', 'constructor', 'azp']) {
      const claims = Object.create({ azp: 'web-app' }) as Claims;
      expect(() => callerAudience(claims, name, [])).toThrow(invalid('audience'));
    }
  });
});
