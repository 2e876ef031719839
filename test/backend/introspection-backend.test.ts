import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthorizationServerClient } from '../../src/authorization-server/authorization-server-client.ts';
import { JWTAuthorizationServerClient } from '../../src/authorization-server/jwt-authorization-server-client.ts';
import { IntrospectionResourceServerBackend } from '../../src/backend/introspection-backend.ts';
import { JWTResourceServerBackend } from '../../src/backend/jwt-introspection-backend.ts';
import type { BackendDependencies } from '../../src/backend/resource-server-backend.ts';
import type { Claims } from '../../src/claims.ts';
import { container } from '../../src/container.ts';
import { InsufficientScopeError, InvalidTokenError } from '../../src/errors.ts';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { createResourceServer } from '../../src/resource-server.ts';
import { AccessToken } from '../../src/secret.ts';
import type { Requirements } from '../../src/types.ts';
import type { ClaimsUser } from '../../src/user/claims-user-store.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { requestWith } from '../support/fake-backend.ts';
import { failureOf } from '../support/faults.ts';
import { createSigner, encryptAnswer, signAnswer } from '../support/introspection-jwt.ts';
import { live, startIntrospectionServer, type ServerAnswer } from '../support/introspection-server.ts';
import { realDependencies } from '../support/real-dependencies.ts';

type Backend = IntrospectionResourceServerBackend<ClaimsUser>;
type Overrides = Record<string, string>;
/** What becomes of a token: `in`, or why it is refused. */
type Outcome = string;

const NOW = Date.UTC(2026, 6, 1) / 1000;
const server = await startIntrospectionServer();
const http = new UndiciHttpAdapter();
beforeEach(() => {
  server.reset();
  vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await server.close();
  await http.close();
});

function dependencies(overrides: Overrides = {}): BackendDependencies<ClaimsUser> {
  return realDependencies(
    server.settings({ OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic', ...overrides }),
    http,
  );
}

/** A backend whose answers do not come from an authorization server, and so have not been looked at before. */
class Told extends IntrospectionResourceServerBackend<ClaimsUser> {
  answer: unknown;

  protected override introspect(): Promise<Claims> {
    return Promise.resolve(this.answer as Claims);
  }
}

async function outcomeOf(decision: unknown): Promise<Outcome> {
  try {
    await decision;
    return 'in';
  } catch (error) {
    if (error instanceof InvalidTokenError) return error.reason;
    if (error instanceof InsufficientScopeError) return `lacks ${error.scopes.join(' ')}`;
    throw error;
  }
}

/** What becomes of a live token with these members on top, in the second and the fourth step. */
async function decide(
  members: object,
  overrides: Overrides = {},
  requirements: Requirements = {},
): Promise<Outcome> {
  server.answerWith({ body: live({ ...members }) });
  const backend = new IntrospectionResourceServerBackend(dependencies(overrides));
  return outcomeOf(
    Promise.resolve(backend.getClaims(new AccessToken('opaque'))).then((claims) =>
      backend.verifyClaims(claims, requirements),
    ),
  );
}

/** As {@link decide}, for an answer of a subclass that is no JSON. */
async function decideTold(answer: object): Promise<Outcome> {
  const backend = new Told(dependencies());
  backend.answer = answer;
  return outcomeOf(backend.getClaims(new AccessToken('opaque')));
}

describe('getClaims', () => {
  it('takes a live token, and hands its claims on deeply frozen (I15, C10)', async () => {
    const answer = live({ iss: server.url, groups: ['a', { name: 'b' }], aud: ['x'] });
    server.answerWith({ body: answer });
    const backend: Backend = new IntrospectionResourceServerBackend(dependencies());
    const claims = await backend.getClaims(new AccessToken('opaque'));
    expect(JSON.parse(JSON.stringify(claims))).toEqual(answer);
    const groups = claims['groups'] as unknown[];
    expect([claims, groups, groups[1], claims.aud].every(Object.isFrozen)).toBe(true);
    expect(() => {
      (claims as { sub: string }).sub = 'root';
    }).toThrow(TypeError);
    expect(() => groups.push('admin')).toThrow(TypeError);
  });

  it('keeps nothing about a request on itself: many at a time get each their own (R11, I13)', async () => {
    server.answerWith((request) => ({ body: live({ sub: request.form.get('token') }) }));
    const backend = new IntrospectionResourceServerBackend(dependencies());
    const members = JSON.stringify(Object.entries(backend).map(([name]) => name));
    const tokens = Array.from({ length: 30 }, (_, index) => `token-${index}`);
    const claims = await Promise.all(tokens.map(async (token) => backend.getClaims(new AccessToken(token))));
    expect(claims.map(({ sub }) => sub)).toEqual(tokens);
    expect(JSON.stringify(Object.entries(backend).map(([name]) => name))).toBe(members);
  });

  it('refuses an inactive token, whatever else is said about it (I1, I14)', async () => {
    expect(await decide({ active: false })).toBe('inactive');
  });

  it('takes only active === true (I1)', async () => {
    for (const active of ['true', 1, [true], {}, null, undefined, false, new Boolean(true)]) {
      expect(await decideTold(live({ active }))).toBe('inactive');
    }
    const { active, ...rest } = live();
    expect(await decideTold(rest)).toBe('inactive');
    expect(await decideTold(Object.assign(Object.create({ active }) as object, rest))).toBe('inactive');
    expect(await decideTold(live())).toBe('in');
  });

  it.each([
    ['503', { status: 503 }, 'ERR_AS_UNAVAILABLE'],
    ['401', { status: 401 }, 'ERR_AS_CLIENT_REJECTED'],
    ['"active":"false"', { body: { active: 'false' } }, 'ERR_AS_UNTRUSTED_RESPONSE'],
  ])('does not blame the token where the server answers %s (A5, A7, I1)', async (_, answer, code) => {
    server.answerWith(answer);
    const backend = new IntrospectionResourceServerBackend(dependencies());
    expect(await failureOf(backend.getClaims(new AccessToken('opaque')))).toMatchObject({ code });
  });

  it.each<[object, string, Outcome]>([
    [{ exp: undefined }, '0', 'in'],
    [{ exp: NOW + 1 }, '0', 'in'],
    [{ exp: NOW + 0.5 }, '0', 'in'],
    [{ exp: NOW }, '0', 'expired'],
    [{ exp: NOW - 4 }, '5', 'in'],
    [{ exp: NOW - 5 }, '5', 'expired'],
    [{ exp: NOW - 59 }, '60', 'in'],
    [{ exp: NOW - 60 }, '60', 'expired'],
    [{ exp: 0 }, '60', 'expired'],
    [{ exp: -1 }, '60', 'expired'],
    [{ exp: -NOW }, '60', 'expired'],
    [{ nbf: NOW }, '0', 'in'],
    [{ nbf: NOW + 1 }, '0', 'not_yet_valid'],
    [{ nbf: NOW + 5 }, '5', 'in'],
    [{ nbf: NOW + 6 }, '5', 'not_yet_valid'],
    [{ nbf: 0, iat: 0 }, '5', 'in'],
    [{ iat: undefined }, '5', 'in'],
    [{ iat: NOW }, '0', 'in'],
    [{ iat: NOW + 1 }, '0', 'not_yet_valid'],
    [{ iat: NOW + 60 }, '60', 'in'],
    [{ iat: NOW + 61 }, '60', 'not_yet_valid'],
    [{ iat: NOW * 1000, exp: NOW * 1000 }, '60', 'not_yet_valid'],
  ])('checks the times: %j, give or take %s s, is %s (I3)', async (members, tolerance, outcome) => {
    expect(await decide(members, { OIDC_RS_CLOCK_TOLERANCE: tolerance })).toBe(outcome);
  });

  it.each(['exp', 'nbf', 'iat'])(
    'takes no "%s" of a subclass that is no finite number (I3)',
    async (name) => {
      for (const value of [
        Infinity,
        -Infinity,
        NaN,
        String(NOW),
        '',
        null,
        [],
        [NOW],
        {},
        true,
        1n,
        new Date(),
      ]) {
        const outcome = await decideTold(live({ [name]: value }));
        expect(outcome).toBe(name === 'exp' ? 'expired' : 'not_yet_valid');
      }
    },
  );

  it.each<[string, unknown]>([
    ['another', 'https://evil.example'],
    ['one with a trailing slash', `${server.url}/`],
    ['one in capitals', server.url.toUpperCase()],
    ['the beginning', server.url.slice(0, -1)],
    ['one that begins so', `${server.url}0`],
    ['a list', [server.url]],
    ['nothing', ''],
    ['null', null],
    ['an object', { url: server.url }],
    ['a number', 7],
    ['a blank behind', `${server.url} `],
  ])('refuses another issuer: %s (I4)', async (_, iss) => {
    for (const required of ['false', 'true']) {
      expect(await decide({ iss }, { OIDC_RS_REQUIRE_ISSUER: required })).toBe('issuer');
    }
  });

  it('asks for an issuer only where OIDC_RS_REQUIRE_ISSUER says so (I4)', async () => {
    expect(await decide({ iss: server.url })).toBe('in');
    expect(await decide({ iss: server.url }, { OIDC_RS_REQUIRE_ISSUER: 'true' })).toBe('in');
    expect(await decide({ iss: undefined })).toBe('in');
    expect(await decide({ iss: undefined }, { OIDC_RS_REQUIRE_ISSUER: 'true' })).toBe('issuer');
  });

  it.each(['Bearer', 'bearer', 'BEARER', 'DPoP', 'dpop'])('takes a token of type %s (I9)', async (type) => {
    expect(await decide({ token_type: type })).toBe('in');
  });

  it('refuses refresh and ID tokens, whatever the switch says (I9)', async () => {
    const types = [
      'refresh_token',
      'id_token',
      'access_token',
      'N_A',
      'mac',
      'bearer ',
      '',
      null,
      ['Bearer'],
      {},
      1,
    ];
    for (const token_type of types) {
      for (const required of ['true', 'false']) {
        expect(await decide({ token_type }, { OIDC_RS_REQUIRE_TOKEN_TYPE: required })).toBe('token_type');
      }
    }
  });

  it('refuses a token without a type until the switch is off, and names the switch (I9)', async () => {
    expect(await decide({ token_type: undefined })).toBe('token_type');
    expect(await decide({ token_type: undefined }, { OIDC_RS_REQUIRE_TOKEN_TYPE: 'false' })).toBe('in');
    server.answerWith({ body: live({ token_type: undefined }) });
    const backend = new IntrospectionResourceServerBackend(dependencies());
    const error = (await failureOf(backend.getClaims(new AccessToken('opaque')))) as Error;
    expect(error.message).toContain('OIDC_RS_REQUIRE_TOKEN_TYPE=false');
  });

  it('reads own members only: a prototype in the answer decides nothing (I2)', async () => {
    const proto = JSON.stringify({ ...live(), iss: undefined });
    const backend = new IntrospectionResourceServerBackend(dependencies({ OIDC_RS_SCOPES: 'groups' }));
    server.answerWith({ body: `{"active":true,"token_type":"Bearer","__proto__":${proto}}` });
    const claims = await backend.getClaims(new AccessToken('opaque'));
    expect(await outcomeOf(Promise.resolve().then(() => backend.verifyClaims(claims, {})))).toBe('audience');
    server.answerWith({ body: `{"active":true,"__proto__":${proto}}` });
    expect(await outcomeOf(backend.getClaims(new AccessToken('opaque')))).toBe('token_type');
  });
});

describe('the second try from base64', () => {
  const encode = (text: string, encoding: BufferEncoding = 'latin1') =>
    Buffer.from(text, encoding).toString('base64');
  const on = { OIDC_RS_BASE64_TOKENS: 'true' };
  const TOKEN = 'token-of-alice';

  /** What becomes of a token that is sent to a server which knows one token, and which tokens that server was asked about. */
  async function trySending(
    sent: string,
    overrides: Overrides = on,
    known = TOKEN,
    answer: ServerAnswer = { body: live() },
  ): Promise<[Outcome, (string | null)[]]> {
    server.reset();
    server.answerWith(({ form }) => (form.get('token') === known ? answer : { body: { active: false } }));
    const backend = new IntrospectionResourceServerBackend(dependencies(overrides));
    const outcome = await outcomeOf(backend.getClaims(new AccessToken(sent)));
    return [outcome, server.requests.map(({ form }) => form.get('token'))];
  }

  it('is off by default (B1)', async () => {
    expect(await trySending(encode(TOKEN), {})).toEqual(['inactive', [encode(TOKEN)]]);
  });

  it('comes after the token as it was sent (B1)', async () => {
    expect(await trySending(encode(TOKEN))).toEqual(['in', [encode(TOKEN), TOKEN]]);
  });

  it('does not come where the token is live as it was sent, though it is base64 as well (B1)', async () => {
    const opaque = encode(TOKEN);
    expect(await trySending(opaque, on, opaque)).toEqual(['in', [opaque]]);
  });

  it('does not come where the token as it was sent is live and refused (B1)', async () => {
    const opaque = encode(TOKEN);
    for (const [members, reason] of [
      [{ exp: NOW - 60 }, 'expired'],
      [{ iss: 'https://evil.example' }, 'issuer'],
      [{ token_type: undefined }, 'token_type'],
    ] as const) {
      const answer = { body: live({ ...members }) };
      expect(await trySending(opaque, on, opaque, answer)).toEqual([reason, [opaque]]);
    }
  });

  it('is checked as the first is (I3, I4)', async () => {
    const answer = { body: live({ exp: NOW - 60 }) };
    expect(await trySending(encode(TOKEN), on, TOKEN, answer)).toEqual(['expired', [encode(TOKEN), TOKEN]]);
  });

  it('is made once: a token that is encoded twice stays dead (B2)', async () => {
    const twice = encode(encode(TOKEN));
    expect(await trySending(twice)).toEqual(['inactive', [twice, encode(TOKEN)]]);
  });

  it.each([
    ['base64 without its padding', encode(TOKEN).replaceAll('=', '')],
    ['base64 with more padding', `${encode(TOKEN)}=`],
    ['base64url', Buffer.from('tokén~~~~?', 'latin1').toString('base64url')],
    ['bits behind the end', encode(TOKEN).replace(/U=$/, 'V=')],
    ['other characters', 'invalid-base64'],
    ['an opaque token', 'Zk8-_x.y~z'],
    ['a JWT', 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA'],
  ])('is not made of what does not encode back to the same: %s (B1, B4)', async (_, sent) => {
    expect(await trySending(sent)).toEqual(['inactive', [sent]]);
  });

  it.each([
    ['a line break and a header', 'a\r\nX-Injected: 1'],
    ['a line break behind', `${TOKEN}\n`],
    ['a line break in front', `\n${TOKEN}`],
    ['NUL', `${TOKEN}\0`],
    ['a blank', 'token of alice'],
    ['a tab', 'token\tof'],
    ['latin1', 'tokén-of-alice'],
    ['UTF-8', Buffer.from('tokén-of-alice').toString('latin1')],
    ['a sign in front of the end', 'token=of-alice'],
    ['only signs', '==='],
    ['quotation marks', '"token"'],
    ['a whole header', 'Bearer token'],
    ['two tokens', 'a,b'],
  ])('is not made with what no token is made of: %s (B3, B4)', async (_, decoded) => {
    const sent = encode(decoded);
    expect(await trySending(sent, on, decoded)).toEqual(['inactive', [sent]]);
  });

  it.each(['a.b.c', 'a+/~_-9==', 'A'])('is made with %s (B3)', async (decoded) => {
    expect(await trySending(encode(decoded), on, decoded)).toEqual(['in', [encode(decoded), decoded]]);
  });

  it.each([
    ['503', { status: 503 }, 'ERR_AS_UNAVAILABLE'],
    ['401', { status: 401 }, 'ERR_AS_CLIENT_REJECTED'],
    ['no "active"', { body: {} }, 'ERR_AS_UNTRUSTED_RESPONSE'],
  ])('is not made after a fault of the server: %s (B4)', async (_, fault, code) => {
    server.answerWith(fault);
    const backend = new IntrospectionResourceServerBackend(dependencies(on));
    expect(await failureOf(backend.getClaims(new AccessToken(encode(TOKEN))))).toMatchObject({ code });
    expect(server.requests).toHaveLength(1);
  });

  it('keeps the scheme under which the token was sent, and goes through the hook', async () => {
    const asked: string[] = [];
    class Watched extends IntrospectionResourceServerBackend<ClaimsUser> {
      protected override introspect(token: AccessToken): Promise<Claims> {
        asked.push(`${token.scheme} ${token.reveal()}`);
        return Promise.resolve({ active: false });
      }
    }
    const decision = new Watched(dependencies(on)).getClaims(new AccessToken(encode(TOKEN), 'DPoP'));
    expect(await outcomeOf(decision)).toBe('inactive');
    expect(asked).toEqual([`DPoP ${encode(TOKEN)}`, `DPoP ${TOKEN}`]);
  });
});

describe('verifyClaims', () => {
  const API = 'https://api.example';

  it.each<[unknown, Outcome]>([
    [API, 'in'],
    [[API], 'in'],
    [['https://other.example', API], 'in'],
    [undefined, 'resource'],
    [null, 'resource'],
    ['', 'resource'],
    [[], 'resource'],
    ['https://other.example', 'resource'],
    [['https://other.example'], 'resource'],
    [`${API}/`, 'resource'],
    [`${API}.evil.example`, 'resource'],
    [`other ${API}`, 'resource'],
    [API.toUpperCase(), 'resource'],
    [[[API]], 'resource'],
    [{ [API]: true }, 'resource'],
    [{ 0: API, length: 1 }, 'resource'],
    [7, 'resource'],
    [true, 'resource'],
    ['groups profile', 'resource'],
  ])('with OIDC_RS_RESOURCE, and aud %j: %s (I5)', async (aud, outcome) => {
    expect(await decide({ aud }, { OIDC_RS_RESOURCE: API })).toBe(outcome);
    // Where no resource is set, nothing is asked of it.
    expect(await decide({ aud })).toBe('in');
  });

  it.each<[unknown, Outcome]>([
    ['app', 'in'],
    [['app'], 'in'],
    [undefined, 'audience'],
    [null, 'audience'],
    ['', 'audience'],
    [' ', 'audience'],
    [[], 'audience'],
    [[''], 'audience'],
    [['app', 'other'], 'audience'],
    [['app', 'app'], 'audience'],
    [[['app']], 'audience'],
    [{}, 'audience'],
    [{ app: true }, 'audience'],
    [0, 'audience'],
    [7, 'audience'],
    [[7], 'audience'],
    [true, 'audience'],
  ])('with the audience claim %j: %s (I6)', async (client_id, outcome) => {
    expect(await decide({ client_id })).toBe(outcome);
  });

  it.each<[unknown, Outcome]>([
    ['app', 'in'],
    ['other-app', 'in'],
    [['app'], 'in'],
    [['stranger', 'app'], 'in'],
    [['app', 'other-app'], 'audience'],
    [['app', 'app'], 'audience'],
    [['stranger'], 'audience'],
    [[], 'audience'],
    ['stranger', 'audience'],
    ['ap', 'audience'],
    ['App', 'audience'],
    ['app other-app', 'audience'],
    ['app,other-app', 'audience'],
    [undefined, 'audience'],
    [null, 'audience'],
    [{ app: true }, 'audience'],
    ['__proto__', 'audience'],
    ['constructor', 'audience'],
  ])('with OIDC_RS_ALLOWED_AUDIENCES, and the audience claim %j: %s (I6)', async (client_id, outcome) => {
    expect(await decide({ client_id }, { OIDC_RS_ALLOWED_AUDIENCES: 'app,other-app' })).toBe(outcome);
  });

  it('reads the claim that OIDC_RS_AUDIENCE_CLAIM names, as an own member (I6)', async () => {
    const settings = { OIDC_RS_AUDIENCE_CLAIM: 'azp', OIDC_RS_ALLOWED_AUDIENCES: 'app' };
    expect(await decide({ azp: 'app', client_id: 'stranger' }, settings)).toBe('in');
    expect(await decide({ azp: 'stranger', client_id: 'app' }, settings)).toBe('audience');
    expect(await decide({ client_id: 'app' }, settings)).toBe('audience');
    for (const claim of ['constructor', '__proto__', 'toString']) {
      expect(await decide({}, { OIDC_RS_AUDIENCE_CLAIM: claim })).toBe('audience');
    }
  });

  it.each<[unknown, Outcome]>([
    ['groups', 'in'],
    ['profile groups email', 'in'],
    ['profile  groups ', 'in'],
    [undefined, 'lacks groups'],
    [null, 'lacks groups'],
    ['', 'lacks groups'],
    [['groups'], 'lacks groups'],
    [{ groups: true }, 'lacks groups'],
    [7, 'lacks groups'],
    ['mygroups', 'lacks groups'],
    ['groups2', 'lacks groups'],
    ['Groups', 'lacks groups'],
    ['GROUPS', 'lacks groups'],
    ['profile,groups', 'lacks groups'],
    ['profile\tgroups', 'lacks groups'],
    ['profile\ngroups', 'lacks groups'],
    ['"groups"', 'lacks groups'],
    ['gr\u043eups', 'lacks groups'],
  ])('with OIDC_RS_SCOPES=groups, and scope %j: %s (I7)', async (scope, outcome) => {
    expect(await decide({ scope }, { OIDC_RS_SCOPES: 'groups' })).toBe(outcome);
    expect(await decide({ scope }, {}, { scopes: ['groups'] })).toBe(outcome);
    expect(await decide({ scope }, {}, { anyScope: ['groups'] })).toBe(outcome);
    // Where no scope is asked for, whatever is there does.
    expect(await decide({ scope })).toBe('in');
  });

  const any = { OIDC_RS_SCOPES: 'a b' };
  const all = { ...any, OIDC_RS_SCOPES_MATCH: 'all' };
  it.each<[string, Overrides, Requirements, string, Outcome]>([
    ['any of the setting: the first', any, {}, 'a', 'in'],
    ['any of the setting: the last', any, {}, 'b', 'in'],
    ['any of the setting: none', any, {}, 'c', 'lacks a b'],
    ['all of the setting', all, {}, 'b a', 'in'],
    ['all of the setting: one missing', all, {}, 'a', 'lacks a b'],
    ['all of nothing', { OIDC_RS_SCOPES_MATCH: 'all' }, {}, '', 'in'],
    ["all of the route's", {}, { scopes: ['c', 'd'] }, 'd c', 'in'],
    ["all of the route's: one missing", {}, { scopes: ['c', 'd'] }, 'c', 'lacks c d'],
    ["one of the route's", {}, { anyScope: ['c', 'd'] }, 'd', 'in'],
    ["one of the route's: none", {}, { anyScope: ['c', 'd'] }, 'e', 'lacks c d'],
    ["the route's on top of the setting", any, { scopes: ['c'] }, 'b c', 'in'],
    ["the route's without the setting's", any, { scopes: ['c'] }, 'c', 'lacks a b c'],
    ["the setting's without the route's", any, { scopes: ['c'] }, 'a b', 'lacks a b c'],
    ['each kind of the three', any, { scopes: ['c'], anyScope: ['d', 'e'] }, 'a c e', 'in'],
    ['each kind but any', any, { scopes: ['c'], anyScope: ['d', 'e'] }, 'a c', 'lacks a b c d e'],
    ['each kind but the setting', any, { scopes: ['c'], anyScope: ['d', 'e'] }, 'c d', 'lacks a b c d e'],
    ['a scope that is asked for twice', any, { scopes: ['a'], anyScope: ['a', 'c'] }, 'b', 'lacks a b c'],
    ['lists that are empty', any, { scopes: [], anyScope: [] }, 'a', 'in'],
  ])('asks for scopes, and names all that the route asks for: %s (I8)', async (...row) => {
    const [, settings, requirements, scope, outcome] = row;
    expect(await decide({ scope }, settings, requirements)).toBe(outcome);
  });

  it('blames the audience before the scope', async () => {
    expect(await decide({ client_id: '', scope: '' }, { OIDC_RS_SCOPES: 'a' })).toBe('audience');
  });
});

describe('a subclass', () => {
  class Careless extends IntrospectionResourceServerBackend<ClaimsUser> {
    override verifyClaims(): void {
      // Forgets super.verifyClaims().
    }
  }

  it.each<[object, Outcome]>([
    [{}, 'in'],
    [{ scope: 'other', aud: 'https://other.example' }, 'in'],
    [{ active: false }, 'inactive'],
    [{ exp: NOW - 60 }, 'expired'],
    [{ nbf: NOW + 60 }, 'not_yet_valid'],
    [{ iss: 'https://evil.example' }, 'issuer'],
    [{ token_type: 'refresh_token' }, 'token_type'],
  ])('that forgets super.verifyClaims() still decides %j: %s', async (members, outcome) => {
    server.answerWith({ body: live({ ...members }) });
    const resourceServer = await createResourceServer({
      settings: server.settings({ OIDC_RS_SCOPES: 'groups', OIDC_RS_RESOURCE: 'https://api.example' }),
      env: {},
      backend: Careless,
      http,
      logger: realDependencies(server.settings(), http).logger,
    });
    expect(await outcomeOf(resourceServer.authenticate(requestWith('opaque')))).toBe(outcome);
    await resourceServer.close();
  });

  it('that adds claims is checked after it has added them', async () => {
    class Adds extends IntrospectionResourceServerBackend<ClaimsUser> {
      protected override async introspect(token: AccessToken): Promise<Claims> {
        return { ...(await super.introspect(token)), exp: NOW - 60 };
      }
    }
    expect(await outcomeOf(new Adds(dependencies()).getClaims(new AccessToken('opaque')))).toBe('expired');
  });

  it('may bring another client of the authorization server', async () => {
    class Elsewhere extends AuthorizationServerClient {
      protected override introspectionEndpoint(): string {
        return `${server.url}/elsewhere`;
      }
    }
    class Sub extends IntrospectionResourceServerBackend<ClaimsUser> {
      constructor(bag: BackendDependencies<ClaimsUser>) {
        super(bag, new Elsewhere(bag));
      }
    }
    await new Sub(dependencies()).getClaims(new AccessToken('opaque'));
    expect(server.requests.map(({ url }) => url)).toEqual(['/elsewhere']);
  });

  it.each([[[]], [[undefined]], [[null]], [[{}]], [['bag']]])(
    'that is built with %j in place of its bag says how to build it',
    (given) => {
      const build = () => new (Careless as unknown as new (...given: unknown[]) => Careless)(...given);
      expect(build).toThrow(TypeError);
      expect(build).toThrow(
        /^Careless was built without its dependencies\. .*registerBackend\('Careless', Careless\).*useFactory/,
      );
    },
  );

  it('that a plain container builds, without its bag, says how to build it', () => {
    expect(() => container.resolve(Careless)).toThrow('Careless was built without its dependencies');
  });
});

describe('getOrCreateUser', () => {
  it.each<[string, () => Promise<ClaimsUser>]>([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['never answers', () => new Promise(() => undefined)],
  ])('never holds it against the token that the store %s (U8)', async (_, findBySubject) => {
    const bag = { ...dependencies({ OIDC_TIMEOUT: '0.05' }), userStore: { findBySubject } };
    const backend = new IntrospectionResourceServerBackend(bag);
    const failure = await failureOf(backend.getOrCreateUser({ sub: 'alice' }, new AccessToken('opaque')));
    expect(failure).toMatchObject({ code: 'ERR_USER_STORE', cause: expect.any(Error) as Error });
  });

  it.each([
    [{ iss: 'https://other.example', sub: 'alice' }, 'https://other.example'],
    [{ sub: 'alice' }, server.url],
  ])('finds the user of %j by its issuer, or the configured one (U4)', async (claims, issuer) => {
    const backend = new IntrospectionResourceServerBackend(dependencies());
    const user = await backend.getOrCreateUser(claims, new AccessToken('opaque'));
    expect(user).toMatchObject({ issuer, subject: 'alice' });
  });
});

describe('JWTResourceServerBackend', () => {
  const keys = newApiKeys('ec', 'ECDH-ES');
  const settings = {
    OIDC_RS_PRIVATE_KEY_STR: keys.pem,
    OIDC_RS_ENCRYPTION_KEY_TYPE: 'EC',
    OIDC_RS_ENCRYPTION_ALGO: 'ECDH-ES',
  };

  it.each<[object, Outcome]>([
    [{}, 'in'],
    [{ active: false }, 'inactive'],
    [{ exp: NOW - 60 }, 'expired'],
    [{ iss: 'https://evil.example' }, 'issuer'],
    [{ token_type: undefined }, 'token_type'],
    [{ client_id: '' }, 'audience'],
    [{ scope: 'other' }, 'lacks groups'],
  ])('decides by the answer in the envelope: %j is %s', async (members, outcome) => {
    const signer = await createSigner('ES256');
    server.publish({ body: { keys: [signer.jwk] } });
    const bag = dependencies({ ...settings, OIDC_RS_SCOPES: 'groups' });
    const [jwk] = bag.privateKeys.publicJwkSet.keys;
    if (jwk === undefined) throw new Error('the backend has no key');
    const answer = { iss: server.url, aud: 'api', iat: NOW, token_introspection: live({ ...members }) };
    const body = await encryptAnswer(jwk, await signAnswer(signer, answer));
    server.answerWith({ type: 'application/token-introspection+jwt', body });
    const backend = new JWTResourceServerBackend(bag);
    const decision = Promise.resolve(backend.getClaims(new AccessToken('opaque'))).then((claims) => {
      void backend.verifyClaims(claims, {});
    });
    expect(await outcomeOf(decision)).toBe(outcome);
  });

  it('takes no plain answer, not even of a dead token (J1)', async () => {
    for (const active of [true, false]) {
      server.answerWith({ body: live({ active }) });
      const backend = new JWTResourceServerBackend(dependencies(settings));
      const failure = await failureOf(backend.getClaims(new AccessToken('opaque')));
      expect(failure).toMatchObject({ code: 'ERR_AS_UNTRUSTED_RESPONSE' });
    }
  });

  it('asks for the settings that its client needs', () => {
    const { requiredSettings } = JWTResourceServerBackend;
    expect(requiredSettings).toBe(JWTAuthorizationServerClient.requiredSettings);
    expect(requiredSettings).toEqual([
      ...IntrospectionResourceServerBackend.requiredSettings,
      'OIDC_RS_PRIVATE_KEY_STR',
    ]);
  });
});
