import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { introspect, type IntrospectedApis, startIntrospectedApis } from '../support/introspect-command.ts';
import { type IntrospectionServer, live, startIntrospectionServer } from '../support/introspection-server.ts';

let apis: IntrospectedApis;
/** Answers what no proper server does. */
let fake: IntrospectionServer;
/** Has the scopes `openid` and `profile`. */
let alice: string;

beforeAll(async () => {
  [apis, fake] = await Promise.all([startIntrospectedApis(), startIntrospectionServer()]);
  alice = await apis.server.tokenFor('alice', { scopes: ['openid', 'profile'] });
});
afterEach(() => {
  fake.reset();
});
afterAll(() => Promise.all([apis.stop(), fake.close()]));

describe('what this API and its route ask for', () => {
  it('a scope, in the words of the issue', async () => {
    const run = await introspect({ ...apis.json, OIDC_RS_SCOPES: 'groups' }, alice);
    expect(run.line('scope')).toBe(
      '✗ scope: this API wants one of `groups`; the token has `openid profile`. Ask the client to request `groups`, or change OIDC_RS_SCOPES.',
    );
    expect(run.marks).toBe('✓✓✓✗–');
    expect(run.out).toContain('HTTP/1.1 403 Forbidden\n');
    expect(run.out).toContain('error="insufficient_scope"');
    expect(run.code).toBe(1);
  });

  it('all of several scopes: the missing ones (I8)', async () => {
    const settings = { ...apis.json, OIDC_RS_SCOPES: 'openid,groups,email' };
    expect((await introspect(settings, alice)).line('scope')).toBe(
      '✓ scope: this API wants one of `openid`, `groups`, `email`; the token has `openid profile`.',
    );
    const run = await introspect({ ...settings, OIDC_RS_SCOPES_MATCH: 'all' }, alice);
    expect(run.line('scope')).toMatch(/wants all of .*Ask the client to request `groups` and `email`, or/);
    expect(run.code).toBe(1);
  });

  it("a route's scopes", async () => {
    const run = await introspect(apis.json, alice, '--scopes', 'openid groups', '--any-scope', 'a,b');
    expect(run.line('scope')).toMatch(/^– scope: OIDC_RS_SCOPES is empty/);
    expect(run.line('scopes')).toBe(
      '✗ scopes: this route wants all of `openid`, `groups`; the token has `openid profile`. Ask the client to request `groups`, or change what the route asks for (--scopes).',
    );
    expect(run.line('anyScope')).toBe(
      '✗ anyScope: this route wants one of `a`, `b`; the token has `openid profile`. Ask the client to request `a` or `b`, or change what the route asks for (--any-scope).',
    );
    expect(run.out).toContain('scope="openid groups a b"');
    const good = await introspect(apis.json, alice, '--scopes', 'openid', '--any-scope', 'a,profile');
    expect(good).toMatchObject({ code: 0, marks: '✓✓✓✓✓' });
  });

  it.each([
    [undefined, 'the token has no `scope`.'],
    ['', 'the token has no scope.'],
    [['groups'], 'the token has a `scope` that is no text and grants nothing: `["groups"]`.'],
  ])('a scope of %j (I7)', async (scope, words) => {
    fake.answerWith({ body: live({ scope }) });
    const run = await introspect(fake.settings({ OIDC_RS_SCOPES: 'groups' }), alice);
    expect(run.line('scope')).toContain(words);
    expect(run.code).toBe(1);
  });

  it('another caller; and the rest is shown all the same (I6)', async () => {
    const settings = { ...apis.json, OIDC_RS_ALLOWED_AUDIENCES: 'web,app', OIDC_RS_SCOPES: 'groups' };
    const run = await introspect(settings, alice);
    expect(run.line('audience')).toBe(
      '✗ audience: this API wants `client_id` (OIDC_RS_AUDIENCE_CLAIM) to name one of `web`, `app`; the token has `spa`. If this client may call the API, add it to OIDC_RS_ALLOWED_AUDIENCES; otherwise use a token of a client that may.',
    );
    expect(run.line('verifyClaims')).toContain('it refuses for `audience`');
    expect(run.line('scope')).toMatch(/^✗ /);
    expect(run.out).toContain('HTTP/1.1 401 Unauthorized\n');
    expect(run.code).toBe(1);
  });

  it('no caller at all (I6)', async () => {
    const run = await introspect({ ...apis.json, OIDC_RS_AUDIENCE_CLAIM: 'azp' }, alice);
    expect(run.line('audience')).toMatch(
      /the token has no such claim\. Set OIDC_RS_AUDIENCE_CLAIM to a claim that/,
    );
    expect(run.code).toBe(1);
  });

  it('any caller at all is let in, with a warning (I5)', async () => {
    const run = await introspect({ ...apis.json, OIDC_RS_ALLOWED_AUDIENCES: undefined }, alice);
    expect(run.line('audience')).toMatch(
      /^✓ .*to name one caller; the token has `spa`\. Any client of the authorization server may call this API: set/,
    );
    expect(run.code).toBe(0);
  });

  it('a token that is for another API, or for this one (I5)', async () => {
    const settings = { ...apis.json, OIDC_RS_RESOURCE: 'https://api.example.com' };
    const ask = async (resource?: string) => {
      const request = { scopes: ['openid'], ...(resource !== undefined && { resource }) };
      return introspect(settings, await apis.server.tokenFor('alice', request));
    };
    expect((await ask()).line('resource')).toBe(
      '✗ resource: this API wants `aud` to name `https://api.example.com` (OIDC_RS_RESOURCE); the token has no `aud`. Ask the client to request a token for `https://api.example.com` (`resource`, RFC 8707), or change OIDC_RS_RESOURCE.',
    );
    const other = await ask('https://other.example.com');
    expect(other.line('resource')).toContain('the token has `https://other.example.com`.');
    expect(other.line('audience')).toMatch(/^✓ /);
    expect(other.code).toBe(1);
    expect(await ask('https://api.example.com')).toMatchObject({ code: 0 });
  });
});
