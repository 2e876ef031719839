import { describe, expect, it } from 'vitest';
import { readTarget } from '../../src/cli/serve/target.ts';

const kindOf = (url: string): string => {
  const target = readTarget(url);
  if (target.kind === 'policy') return `policy ${target.name}`;
  return target.kind === 'path' ? `path ${target.path}` : target.kind;
};

describe('a request target', () => {
  it.each([
    ['/auth', 'auth'],
    ['/auth/', 'auth'],
    ['/auth?x=1', 'auth'],
    ['/auth?/../policy/open', 'auth'],
    ['/auth/policy/open', 'auth'],
    ['/auth//policy/open', 'auth'],
    ['/auth/a%2Fb/c%20d/file.name/.hidden/...', 'auth'],
    ['/policy/open', 'policy open'],
    ['/policy/open/', 'policy open'],
    ['/policy/open/policy/admin?policy=admin', 'policy open'],
    ['/policy/open//admin', 'policy open'],
    ['/policy', 'policy '],
    ['/policy/', 'policy '],
    ['/policy/%6fpen', 'policy %6fpen'],
    ['/policy/__proto__', 'policy __proto__'],
    ['/policy/open;x=1', 'policy open;x=1'],
    ['/', 'path /'],
    ['/jwks', 'path /jwks'],
    ['/jwks/', 'path /jwks/'],
    ['/authx', 'path /authx'],
    ['/AUTH', 'path /AUTH'],
    ['/%61uth', 'path /%61uth'],
    ['/auth;x', 'path /auth;x'],
    ['/.well-known/something', 'path /.well-known/something'],
  ])('%s asks for %s', (url, kind) => {
    expect(kindOf(url)).toBe(kind);
  });

  it.each([
    // Dot segments, wherever they stand, plain and encoded.
    '/auth/..',
    '/auth/../policy/open',
    '/auth/./x',
    '/auth/.',
    '/auth/%2e%2e/policy/open',
    '/auth/%2E%2E/policy/open',
    '/auth/.%2e/policy/open',
    '/auth/%2e./policy/open',
    '/auth/%2e',
    '/auth/x/y/../z',
    '/auth/..;/policy/open',
    '/auth/..;v=1/policy/open',
    '/auth/%2e%2e%3b/policy/open',
    '/auth/..%2fpolicy%2fopen',
    '/auth%2f..%2fpolicy',
    '/auth/x%2F..%2f..',
    '/policy/admin/../open',
    '/policy/admin/%2e%2e/open',
    '/policy/..',
    '/policy/./open',
    '/policy/../auth',
    '/../auth',
    '/./auth',
    '/jwks/../auth',
    // Backslashes, which some take for slashes.
    '/auth\\..\\policy\\open',
    '/policy\\open',
    '/policy/admin%5c..%5copen',
    '/policy/admin%5C',
    '\\auth',
    // Encoded slashes where it is decided.
    '/policy%2fopen',
    '/policy/open%2fadmin',
    '/policy/open%2Fadmin',
    '/%2fauth',
    '/auth%2fx',
    // Empty segments where it is decided.
    '//auth',
    '//policy/open',
    '///',
    '/policy//open',
    '/policy//open/admin',
    // Control characters, blanks and fragments.
    '/auth/%00',
    '/policy/open%00',
    '/policy/open%0d%0aX-Auth-Subject:%20admin',
    '/auth/\u0000',
    '/auth/\u007f',
    '/auth/%7F',
    '/auth/ x',
    '/auth#x',
    '/policy/open#/admin',
    // What is no path.
    '',
    '*',
    'auth',
    'http://example.com/auth',
    'https://example.com/policy/open',
    '?/auth',
  ])('%j is refused (R8)', (url) => {
    expect(readTarget(url)).toEqual({ kind: 'refused' });
  });

  it('takes long paths in no time', () => {
    const paths = [
      '/auth' + '/..;'.repeat(4000),
      '/auth/' + '%2f.;'.repeat(3000),
      '/auth/' + '.'.repeat(15_000),
    ];
    const startedAt = performance.now();
    for (const path of paths) readTarget(`${path}x`);
    expect(performance.now() - startedAt).toBeLessThan(100);
  });
});
