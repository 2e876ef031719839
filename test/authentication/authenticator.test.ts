import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createChallenge } from '../../src/authentication/challenge.ts';
import type { Claims } from '../../src/claims.ts';
import type { SenderConstraint } from '../../src/constraint/sender-constraint.ts';
import { InvalidTokenError } from '../../src/errors.ts';
import type { AccessToken } from '../../src/secret.ts';
import type { Requirements } from '../../src/types.ts';
import { type MemoryUser, MemoryUserStore } from '../../src/user/memory-user-store.ts';
import type { UserStore } from '../../src/user/user-store.ts';
import {
  CLAIMS,
  claimsWith,
  fakeFlow,
  type FakeFlowOptions,
  ISSUER,
  requestWith,
} from '../support/fake-backend.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const NOBODY = requestWith();
const CLIENT: Claims = claimsWith({ sub: undefined });
const STEPS = ['getClaims', 'verifyClaims', 'getOrCreateUser'];

const refusedFor = (reason: string) => ({ code: 'ERR_INVALID_TOKEN', status: 401, reason });

/** A store that counts what it is asked. */
class CountingStore implements UserStore<MemoryUser> {
  readonly calls: string[] = [];
  readonly #users: MemoryUserStore;

  constructor(...users: MemoryUser[]) {
    this.#users = new MemoryUserStore(users);
  }

  async findBySubject(issuer: string, subject: string): Promise<MemoryUser | undefined> {
    this.calls.push('findBySubject');
    return this.#users.findBySubject(issuer, subject);
  }

  create(): Promise<MemoryUser> {
    this.calls.push('create');
    throw new Error('creates nobody');
  }

  isActive(user: MemoryUser): boolean {
    return user.active;
  }
}

const user = (subject: string, active = true): MemoryUser => ({ issuer: ISSUER, subject, active });

/** What the flow rejects with; an error where it does not reject. */
async function refusal(options: FakeFlowOptions, requirements?: Requirements): Promise<unknown> {
  const result = fakeFlow(options).authenticate(undefined, requirements);
  return result.then(
    () => new Error('was let in'),
    (error: unknown) => error,
  );
}

afterEach(() => {
  vi.useRealTimers();
});

describe('the five steps', () => {
  it('are taken in order, each with what it needs', async () => {
    const steps: string[] = [];
    const constraint: SenderConstraint = {
      confirmation: 'jkt',
      verify: async (request, token, claims) => {
        await sleep(1);
        expect([request, token.reveal(), claims]).toEqual([requestWith('good'), 'good', bound]);
        steps.push('verifyPossession');
      },
    };
    const bound = claimsWith({ cnf: { jkt: 'thumbprint' } });
    const requirements = { scopes: ['groups'] };
    const flow = fakeFlow({
      constraints: [constraint],
      hooks: {
        getClaims: async (token) => {
          await sleep(1);
          expect(token.reveal()).toBe('good');
          steps.push('getClaims');
          return bound;
        },
        verifyClaims: async (claims, given) => {
          await sleep(1);
          expect([claims, given]).toEqual([bound, requirements]);
          steps.push('verifyClaims');
        },
        getOrCreateUser: async (claims, token) => {
          await sleep(1);
          expect([claims, token.reveal()]).toEqual([bound, 'good']);
          steps.push('getOrCreateUser');
          return 'Alice';
        },
      },
    });
    await expect(flow.authenticate(undefined, requirements)).resolves.toMatchObject({ user: 'Alice' });
    expect(steps).toEqual(['getClaims', 'verifyPossession', 'verifyClaims', 'getOrCreateUser']);
  });

  it('are all taken for the next request, too: nothing is kept', async () => {
    const flow = fakeFlow();
    const first = await flow.authenticate();
    const second = await flow.authenticate();
    expect(flow.backend.steps).toEqual([...STEPS, ...STEPS]);
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
  });

  it.each([
    ['malformed credentials', { request: requestWith('two tokens') }, []],
    ['no credentials', { request: NOBODY }, []],
    ['a dead token', { claims: () => Promise.reject(new InvalidTokenError('inactive', '')) }, ['getClaims']],
    ['a key-bound token', { claims: claimsWith({ cnf: { jkt: 'a' } }) }, ['getClaims']],
    ['another audience', { settings: { OIDC_RS_ALLOWED_AUDIENCES: ['x'] } }, STEPS.slice(0, 2)],
    ['a missing scope', { settings: { OIDC_RS_SCOPES: ['admin'] } }, STEPS.slice(0, 2)],
    ['a subject of no use', { claims: claimsWith({ sub: '' }) }, STEPS.slice(0, 2)],
    ['a client', { claims: CLIENT }, STEPS.slice(0, 2)],
    ['nobody known', { userStore: new MemoryUserStore() }, STEPS],
  ])('end at the one that refuses: %s', async (_, options, steps) => {
    const { request, ...flowOptions } = { request: requestWith('good'), ...options };
    const flow = fakeFlow(flowOptions);
    await expect(flow.authenticate(request)).rejects.toBeInstanceOf(Error);
    expect(flow.backend.steps).toEqual(steps);
  });

  it('take the third step before the decision: a stolen token learns nothing about scopes (I12)', async () => {
    const claims = claimsWith({ cnf: { jkt: 'a' }, scope: '' });
    expect(await refusal({ claims }, { scopes: ['admin'] })).toMatchObject(refusedFor('confirmation'));
  });
});

describe('optional credentials', () => {
  it('give undefined without credentials, and ask nobody (R10)', async () => {
    const flow = fakeFlow();
    expect(await flow.authenticate(NOBODY, { optional: true })).toBeUndefined();
    expect(await flow.authenticate(requestWith('YTpi', 'Basic'), { optional: true })).toBeUndefined();
    expect(flow.backend.steps).toEqual([]);
    expect(flow.logger.records).toEqual([]);
  });

  it('are credentials all the same where they are there (R10)', async () => {
    const auth = await fakeFlow().authenticate(undefined, { optional: true });
    expect(auth).toMatchObject({ user: { subject: 'alice' } });
  });

  it.each([
    ['dead', { claims: () => Promise.reject(new InvalidTokenError('inactive', '')) }, 'inactive'],
    ['key-bound', { claims: claimsWith({ cnf: {} }) }, 'confirmation'],
    ["a client's", { claims: CLIENT }, 'client'],
    ["a stranger's", { userStore: new MemoryUserStore() }, 'unknown_user'],
  ])('do not let a bad token in: %s (R10)', async (_, options: FakeFlowOptions, reason) => {
    expect(await refusal(options, { optional: true })).toMatchObject(refusedFor(reason));
  });

  it.each([
    ['malformed', requestWith('a b')],
    ['in the query', { ...NOBODY, url: '/?access_token=good' }],
  ])('do not let malformed credentials in: %s (R10)', async (_, request) => {
    const result = fakeFlow().authenticate(request, { optional: true });
    await expect(result).rejects.toMatchObject({ code: 'ERR_INVALID_REQUEST' });
  });

  it('are asked for unless the route says otherwise', async () => {
    for (const requirements of [undefined, {}, { clients: true }, { scopes: [] }] as const) {
      await expect(fakeFlow().authenticate(NOBODY, requirements)).rejects.toMatchObject({
        code: 'ERR_NO_CREDENTIALS',
        status: 401,
      });
    }
  });
});

describe('a client that acts for itself', () => {
  const clients: [string, Claims][] = [
    ['no sub', CLIENT],
    ['sub: null', claimsWith({ sub: null })],
    ['a sub that is the client_id', claimsWith({ sub: 'web-app' })],
  ];

  it.each(clients)('is refused where only persons come in: %s (I10)', async (_, claims) => {
    const store = new CountingStore(user('web-app'));
    expect(await refusal({ claims, userStore: store })).toMatchObject(refusedFor('client'));
    expect(store.calls).toEqual([]);
  });

  it.each(clients)('is let in where the route takes clients: %s (I10)', async (_, claims) => {
    const store = new CountingStore(user('web-app'));
    const flow = fakeFlow({ claims, userStore: store });
    const auth = await flow.authenticate(undefined, { clients: true });
    expect(auth).toEqual({
      user: undefined,
      client: 'web-app',
      claims,
      token: expect.anything() as unknown,
      audience: 'web-app',
      scopes: ['openid', 'groups'],
    });
    expect(Object.isFrozen(auth)).toBe(true);
    expect(store.calls).toEqual([]);
    expect(flow.backend.steps).toEqual(['getClaims', 'verifyClaims']);
  });

  it('does not become the user of that name, even if there is one (I10)', async () => {
    const claims = claimsWith({ sub: 'alice', client_id: 'alice' });
    const userStore = new MemoryUserStore([user('alice')]);
    expect(await refusal({ claims, userStore })).toMatchObject(refusedFor('client'));
    const auth = await fakeFlow({ claims, userStore }).authenticate(undefined, { clients: true });
    expect(auth).toMatchObject({ user: undefined, client: 'alice' });
  });

  it('needs the scopes and the audience like anybody', async () => {
    expect(await refusal({ claims: CLIENT }, { clients: true, scopes: ['admin'] })).toMatchObject({
      code: 'ERR_INSUFFICIENT_SCOPE',
    });
    const settings = { OIDC_RS_ALLOWED_AUDIENCES: ['mobile-app'] };
    expect(await refusal({ claims: CLIENT, settings }, { clients: true })).toMatchObject(
      refusedFor('audience'),
    );
  });

  it.each([undefined, null, '', ' ', 42, ['web-app'], 'web\napp'])(
    'is nobody with the client_id %j (I10)',
    async (clientId) => {
      const claims = claimsWith({ sub: undefined, client_id: clientId, azp: 'web-app' });
      const settings = { OIDC_RS_AUDIENCE_CLAIM: 'azp' };
      expect(await refusal({ claims, settings }, { clients: true })).toMatchObject(refusedFor('subject'));
    },
  );

  it('does not keep persons out where both may come in', async () => {
    const auth = await fakeFlow().authenticate(undefined, { clients: true });
    expect(auth).toMatchObject({ user: { subject: 'alice' }, client: undefined });
  });
});

describe('a subject', () => {
  it.each([
    ['empty', ''],
    ['blank', '   '],
    ['0', 0],
    ['42', 42],
    ['NaN', NaN],
    ['true', true],
    ['false', false],
    ['a list', []],
    ['a list of one', ['alice']],
    ['an object', {}],
    ['a NoSQL operator', { $gt: '' }],
    ['an object that is a string', Object('alice')],
    ['100 KB', 'a'.repeat(100_000)],
    ['256 characters', 'a'.repeat(256)],
    ['NUL', 'alice\0'],
    ['NUL within', 'al\0ice'],
    ['a line break', 'alice\n'],
    ['a line break within', 'al\r\nice'],
    ['a tab', 'al\tice'],
    ['ANSI', '\u001b[31malice'],
    ['a control character of latin1', 'al\u009bice'],
    ['DEL', 'alice\u007f'],
    ['a blank behind', 'alice '],
    ['a blank in front', ' alice'],
    ['a no-break space behind', 'alice\u00a0'],
    ['a byte order mark in front', '\ufeffalice'],
    ['half a surrogate pair', 'alice\ud800'],
    ['the other half', '\udc00alice'],
  ])('is refused, and no store sees it: %s (I11)', async (_, sub) => {
    const store = new CountingStore(user('alice'));
    for (const requirements of [{}, { clients: true }] as const) {
      expect(await refusal({ claims: claimsWith({ sub }), userStore: store }, requirements)).toMatchObject(
        refusedFor('subject'),
      );
    }
    expect(store.calls).toEqual([]);
  });

  it.each([
    'alice',
    'a',
    'a'.repeat(255),
    '%',
    '_',
    '*',
    "' OR 1=1 --",
    '0',
    'null',
    'undefined',
    '__proto__',
    'constructor',
    'a b',
    'alice@example.com',
    'https://id.example.com/alice',
    'Zoë 😀',
  ])('is handed to the store as it is: %j (I11)', async (sub) => {
    const auth = await fakeFlow({ claims: claimsWith({ sub }) }).authenticate();
    expect(auth).toMatchObject({ user: { subject: sub, issuer: ISSUER } });
  });

  it.each([
    ['another case', 'Alice'],
    ['a look-alike', 'аlice'],
    ['a wildcard', '%'],
    ['another composition', 'zoe\u0308'],
  ])('is compared byte for byte: %s (I11)', async (_, sub) => {
    const userStore = new MemoryUserStore([user('alice'), user('zo\u00eb')]);
    expect(await refusal({ claims: claimsWith({ sub }), userStore })).toMatchObject(
      refusedFor('unknown_user'),
    );
  });

  it('is known by the issuer that the claims name, else by the configured one (U4)', async () => {
    const other = 'https://other.example.com';
    for (const [iss, issuer] of [
      [other, other],
      [undefined, ISSUER],
    ]) {
      const auth = await fakeFlow({ claims: claimsWith({ iss }) }).authenticate();
      expect(auth).toMatchObject({ user: { issuer } });
    }
  });
});

describe('possession', () => {
  it.each([
    ['jkt', { jkt: 'thumbprint' }],
    ['x5t#S256', { 'x5t#S256': 'thumbprint' }],
    ['both', { jkt: 'a', 'x5t#S256': 'b' }],
    ['a method that nobody knows', { sofa: 1 }],
    ['an undefined member', { jkt: undefined }],
    ['no member', {}],
    ['a list', []],
    ['a list with a key', [{ jkt: 'a' }]],
    ['a string', 'jkt'],
    ['an empty string', ''],
    ['a number', 1],
    ['0', 0],
    ['true', true],
    ['false', false],
    ['null', null],
    ['members of a prototype', { __proto__: { jkt: 'a' } }],
    ['a member called __proto__', JSON.parse('{"__proto__":{"jkt":"a"}}')],
  ])('of a key-bound token cannot be shown here: cnf is %s (I12)', async (_, cnf) => {
    expect(await refusal({ claims: claimsWith({ cnf }) })).toMatchObject(refusedFor('confirmation'));
  });

  it.each(['DPoP', 'dpop', 'DPOP'])(
    'of a token of type %s without cnf cannot be shown (I12)',
    async (type) => {
      expect(await refusal({ claims: claimsWith({ token_type: type }) })).toMatchObject(
        refusedFor('confirmation'),
      );
    },
  );

  it('is not asked of a bearer token', async () => {
    for (const type of ['Bearer', 'bearer', undefined, 42]) {
      const auth = await fakeFlow({
        claims: claimsWith({ token_type: type, cnf: undefined }),
      }).authenticate();
      expect(auth).toBeDefined();
    }
  });

  describe('with constraints', () => {
    const asked: string[] = [];
    const dpop: SenderConstraint = {
      confirmation: 'jkt',
      scheme: 'DPoP',
      verify: async (_request, token, claims) => {
        await sleep(1);
        asked.push('jkt');
        const { jkt } = claims.cnf as { jkt: unknown };
        if (jkt !== token.reveal()) throw new InvalidTokenError('confirmation', 'not the holder');
      },
    };
    const mtls: SenderConstraint = {
      confirmation: 'x5t#S256',
      verify: () => {
        asked.push('x5t#S256');
        return Promise.resolve();
      },
    };
    const constraints = [dpop, mtls];
    afterEach(() => {
      asked.length = 0;
    });

    const authenticate = (claims: Claims, scheme: string) =>
      fakeFlow({ claims: claimsWith(claims), constraints }).authenticate(requestWith('key', scheme));

    it.each([
      ['DPoP', { cnf: { jkt: 'key' } }, ['jkt']],
      ['dpop', { cnf: { jkt: 'key' }, token_type: 'DPoP' }, ['jkt']],
      ['Bearer', { cnf: { 'x5t#S256': 'any' } }, ['x5t#S256']],
      ['DPoP', { cnf: { 'x5t#S256': 'any', jkt: 'key' } }, ['x5t#S256', 'jkt']],
    ])('every member of cnf is checked: %s %j (M4)', async (scheme, claims: Claims, checks) => {
      expect(await authenticate(claims, scheme)).toMatchObject({ user: { subject: 'alice' } });
      expect(asked).toEqual(checks);
    });

    it.each([
      ['a DPoP token sent as Bearer', 'Bearer', { cnf: { jkt: 'key' } }],
      ['a DPoP token of two kinds sent as Bearer', 'Bearer', { cnf: { 'x5t#S256': 'a', jkt: 'key' } }],
      ['a certificate-bound token sent as DPoP', 'DPoP', { cnf: { 'x5t#S256': 'any' } }],
      ['a bearer token sent as DPoP', 'DPoP', {}],
      ['a type of DPoP without cnf', 'DPoP', { token_type: 'DPoP' }],
      ['a type of DPoP with a certificate', 'Bearer', { token_type: 'DPoP', cnf: { 'x5t#S256': 'any' } }],
      ['an unknown member beside', 'DPoP', { cnf: { jkt: 'key', sofa: 1 } }],
      ['no member', 'DPoP', { cnf: {} }],
    ])('%s is refused before anything is checked (I12, D1, M4)', async (_, scheme, claims: Claims) => {
      await expect(authenticate(claims, scheme)).rejects.toMatchObject(refusedFor('confirmation'));
      expect(asked).toEqual([]);
    });

    it('what a constraint throws refuses the request, as it is (I12)', async () => {
      await expect(authenticate({ cnf: { jkt: 'another key' } }, 'DPoP')).rejects.toThrow('not the holder');
      for (const verify of [
        () => Promise.reject(new RangeError('broken')),
        () => {
          throw new RangeError('broken');
        },
      ]) {
        const broken: SenderConstraint = { confirmation: 'jkt', verify };
        const options = { claims: claimsWith({ cnf: { jkt: 'a' } }), constraints: [broken] };
        expect(await refusal(options)).toBeInstanceOf(RangeError);
      }
    });

    it('the scheme is not taken without its constraint (R1)', async () => {
      const result = fakeFlow({ constraints: [mtls] }).authenticate(requestWith('key', 'DPoP'));
      await expect(result).rejects.toMatchObject({ code: 'ERR_NO_CREDENTIALS' });
    });
  });
});

describe('the audience', () => {
  it.each([
    ['client_id', { client_id: 'web-app' }, 'web-app'],
    ['aud', { aud: 'web-app' }, 'web-app'],
    ['azp', { azp: ['web-app'] }, 'web-app'],
  ])('is the value of OIDC_RS_AUDIENCE_CLAIM=%s', async (name, claims: Claims, audience) => {
    const settings = { OIDC_RS_AUDIENCE_CLAIM: name };
    const auth = await fakeFlow({ settings, claims: claimsWith(claims) }).authenticate();
    expect(auth).toMatchObject({ audience });
  });

  it('is the allowed one of several (I6)', async () => {
    const settings = { OIDC_RS_AUDIENCE_CLAIM: 'aud', OIDC_RS_ALLOWED_AUDIENCES: ['mobile-app', 'web-app'] };
    const auth = await fakeFlow({
      settings,
      claims: claimsWith({ aud: ['other', 'web-app'] }),
    }).authenticate();
    expect(auth).toMatchObject({ audience: 'web-app' });
  });

  it('is never missing, even if a backend forgets to check it (I6)', async () => {
    const hooks = { verifyClaims: () => undefined };
    for (const clientId of [undefined, null, '', [], ['a', 'b'], {}, 0]) {
      const claims = claimsWith({ client_id: clientId });
      expect(await refusal({ hooks, claims })).toMatchObject(refusedFor('audience'));
    }
  });
});

describe('the result', () => {
  const nested = claimsWith({ roles: { admin: ['a', { b: [1] }] }, scope: 'openid groups' });

  it('is frozen, and so are scopes and claims, all the way down (I15, C10)', async () => {
    const auth = await fakeFlow({ claims: nested }).authenticate();
    const { admin } = auth?.claims.roles as { admin: [string, { b: number[] }] };
    const parts = [auth, auth?.scopes, auth?.claims, auth?.claims.roles, admin, admin[1], admin[1].b];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
    expect(() => Object.assign(auth as object, { user: 'Mallory' })).toThrow(TypeError);
    expect(auth?.claims).toEqual(nested);
  });

  it('has claims without a prototype, whatever their names are (I2, I15)', async () => {
    const claims = JSON.parse(
      JSON.stringify(CLAIMS).replace('{', '{"__proto__":{"admin":true},"deep":{"__proto__":{"admin":true}},'),
    ) as Claims;
    const auth = await fakeFlow({ claims }).authenticate();
    const deep = auth?.claims.deep as object;
    expect([Object.getPrototypeOf(auth?.claims), Object.getPrototypeOf(deep)]).toEqual([null, null]);
    expect([auth?.claims.admin, (deep as Claims).admin, ({} as Claims).admin]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(Object.keys(deep)).toEqual(['__proto__']);
  });

  it('does not change with what the backend holds (I15, C10)', async () => {
    const own = { ...claimsWith({}), roles: ['reader'] };
    const auth = await fakeFlow({ claims: () => own }).authenticate();
    own.roles.push('admin');
    expect(auth?.claims.roles).toEqual(['reader']);
  });

  it('decides nothing by what a prototype says (I1, I15)', async () => {
    const claims = Object.create(CLAIMS) as Claims;
    expect(await refusal({ claims })).toMatchObject(refusedFor('audience'));
  });

  it("is the store's own user, not frozen", async () => {
    const alice = user('alice');
    const auth = await fakeFlow({ userStore: new MemoryUserStore([alice]) }).authenticate();
    expect(auth?.user).toBe(alice);
    expect(Object.isFrozen(auth?.user)).toBe(false);
  });

  it('may be any user at all, such as 0 or an empty text', async () => {
    for (const found of [0, '', false]) {
      const hooks = { getOrCreateUser: () => Promise.resolve(found) };
      expect(await fakeFlow({ hooks }).authenticate()).toMatchObject({ user: found });
    }
  });

  it('shows the token to whom asks for it, and to nobody else (A9, E1)', async () => {
    const auth = await fakeFlow().authenticate(requestWith('s3cret-t0ken'));
    expect(auth?.token.reveal()).toBe('s3cret-t0ken');
    const shown = [
      JSON.stringify(auth),
      inspect(auth, { depth: 9, showHidden: true }),
      inspect(auth, { customInspect: false }),
      String(auth?.token),
    ];
    for (const text of shown) expect(text).not.toContain('s3cret');
    expect(JSON.parse(shown[0] as string)).toMatchObject({ token: '[secret]', user: { subject: 'alice' } });
  });

  it('has no scopes where the claims have none (I7)', async () => {
    for (const scope of [undefined, null, '', ['groups'], { groups: true }, 7]) {
      const auth = await fakeFlow({ claims: claimsWith({ scope }) }).authenticate();
      expect(auth?.scopes).toEqual([]);
      expect(Object.isFrozen(auth?.scopes)).toBe(true);
    }
  });
});

describe('users', () => {
  const challenge = createChallenge({ realm: 'api', logger: new RecordingLogger() });

  it('who are unknown and who are disabled get one answer, after as many calls of the store (U5, U6, E4)', async () => {
    const stores = [new CountingStore(), new CountingStore(user('alice', false))];
    const refusals = await Promise.all(stores.map((userStore) => refusal({ userStore })));
    expect(refusals).toMatchObject([refusedFor('unknown_user'), refusedFor('disabled_user')]);
    const [unknown, disabled] = refusals.map(challenge);
    expect(unknown).toEqual(disabled);
    expect(stores.map(({ calls }) => calls)).toEqual([['findBySubject'], ['findBySubject']]);
  });

  it('are refused from the next request on when they are disabled or deleted (U5, C8)', async () => {
    const alice = user('alice');
    const userStore = new MemoryUserStore([alice]);
    const flow = fakeFlow({ userStore });
    await flow.authenticate();
    alice.active = false;
    await expect(flow.authenticate()).rejects.toMatchObject(refusedFor('disabled_user'));
    alice.active = true;
    await flow.authenticate();
    userStore.delete(ISSUER, 'alice');
    await expect(flow.authenticate()).rejects.toMatchObject(refusedFor('unknown_user'));
  });

  it('whom a hook made are asked about, too (U5)', async () => {
    const hooks = { getOrCreateUser: () => Promise.resolve(user('alice', false)) };
    const userStore = new MemoryUserStore();
    expect(await refusal({ hooks, userStore })).toMatchObject(refusedFor('disabled_user'));
  });

  it.each([undefined, null])('whom a hook does not find (%s) are refused (U6)', async (nobody) => {
    const hooks = { getOrCreateUser: () => Promise.resolve(nobody) };
    expect(await refusal({ hooks })).toMatchObject(refusedFor('unknown_user'));
  });

  it.each([0, 1, '', 'yes', undefined, null, Promise.resolve(true)])(
    'are active only if the store says true, and not %s (U5)',
    async (answer) => {
      const userStore = new MemoryUserStore([user('alice')]);
      userStore.isActive = () => answer as unknown as boolean;
      expect(await refusal({ userStore })).toMatchObject(refusedFor('disabled_user'));
    },
  );

  it('of a store without isActive are active', async () => {
    const userStore: UserStore<string> = { findBySubject: () => Promise.resolve('Alice') };
    expect(await fakeFlow({ userStore }).authenticate()).toMatchObject({ user: 'Alice' });
  });

  describe('of a store that fails', () => {
    const broken = new RangeError('password=hunter2');
    const throws = (): never => {
      throw broken;
    };

    it.each<[string, Partial<UserStore<unknown>>]>([
      ['findBySubject rejects', { findBySubject: () => Promise.reject(broken) }],
      ['findBySubject throws', { findBySubject: throws }],
      ['isActive throws', { findBySubject: () => Promise.resolve('Alice'), isActive: throws }],
    ])('get 503, never 401: %s (U8)', async (_, userStore) => {
      const error = await refusal({ userStore: userStore as UserStore<unknown> });
      expect(error).toMatchObject({ code: 'ERR_USER_STORE', cause: broken });
      expect(challenge(error)).toMatchObject({ status: 503 });
      expect((error as Error).message).not.toContain('hunter2');
    });

    it('get the answer of a store that refuses on purpose', async () => {
      const userStore = {
        findBySubject: () => Promise.reject(new InvalidTokenError('subject_conflict', 'taken')),
      };
      expect(await refusal({ userStore })).toMatchObject({
        code: 'ERR_INVALID_TOKEN',
        reason: 'subject_conflict',
      });
    });

    it('get 503 within OIDC_TIMEOUT when it hangs, and no timer is left (U8, X3)', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const userStore: UserStore<string> = { findBySubject: () => new Promise(() => undefined) };
      const settings = { OIDC_TIMEOUT: 0.25 };
      let error: unknown;
      const result = refusal({ userStore, settings }).then((found) => (error = found));
      await vi.advanceTimersByTimeAsync(249);
      expect(error).toBeUndefined();
      expect(vi.getTimerCount()).toBe(1);
      await vi.advanceTimersByTimeAsync(1);
      await result;
      expect(error).toMatchObject({ code: 'ERR_USER_STORE', cause: { message: 'no answer within 250 ms' } });
      expect(vi.getTimerCount()).toBe(0);
    });

    it.each<[string, () => Promise<string | undefined>]>([
      ['answers', () => Promise.resolve('Alice')],
      ['finds nobody', () => Promise.resolve(undefined)],
      ['rejects', () => Promise.reject(broken)],
    ])('leave no timer for good when it %s (X3)', async (_, findBySubject) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      await refusal({ userStore: { findBySubject }, settings: { OIDC_TIMEOUT: 0.25 } });
      await vi.advanceTimersByTimeAsync(250);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('and answers after the deadline harm nobody (X3)', async () => {
      const unhandled = vi.fn();
      process.on('unhandledRejection', unhandled);
      const settings = { OIDC_TIMEOUT: 0.01 };
      const findBySubject = async (): Promise<never> => {
        await sleep(30);
        throw broken;
      };
      expect(await refusal({ userStore: { findBySubject }, settings })).toMatchObject({
        code: 'ERR_USER_STORE',
      });
      await sleep(60);
      process.off('unhandledRejection', unhandled);
      expect(unhandled).not.toHaveBeenCalled();
    });
  });
});

describe('requests at the same time', () => {
  it('do not mix their identities (R11)', async () => {
    const claims = async (token: AccessToken): Promise<Claims> => {
      await sleep(Math.random() * 20);
      const name = token.reveal();
      return claimsWith({ sub: `user-${name}`, client_id: `app-${name}`, scope: `s-${name}` });
    };
    const findBySubject = async (_: string, subject: string): Promise<string> => {
      await sleep(Math.random() * 20);
      return subject;
    };
    const flow = fakeFlow({ claims, userStore: { findBySubject } });
    const names = Array.from({ length: 100 }, (_, index) => String(index));
    const results = await Promise.all(names.map((name) => flow.authenticate(requestWith(name))));
    expect(
      results.map((auth) => [
        auth?.user,
        auth?.audience,
        auth?.scopes,
        auth?.claims.sub,
        auth?.token.reveal(),
      ]),
    ).toEqual(names.map((name) => [`user-${name}`, `app-${name}`, [`s-${name}`], `user-${name}`, name]));
  });

  it('do not mix refusals and admissions (R11)', async () => {
    const claims = async (token: AccessToken): Promise<Claims> => {
      const number = Number(token.reveal());
      await sleep(Math.random() * 20);
      if (number % 3 === 0) throw new InvalidTokenError('inactive', '');
      return claimsWith({ sub: token.reveal(), scope: number % 3 === 1 ? 'admin' : '' });
    };
    const flow = fakeFlow({ claims });
    const numbers = Array.from({ length: 99 }, (_, index) => index);
    const results = await Promise.allSettled(
      numbers.map((number) => flow.authenticate(requestWith(String(number)), { scopes: ['admin'] })),
    );
    const outcomes = results.map((result) =>
      result.status === 'fulfilled' ? result.value?.claims.sub : (result.reason as { code: string }).code,
    );
    expect(outcomes).toEqual(
      numbers.map((number) => ['ERR_INVALID_TOKEN', String(number), 'ERR_INSUFFICIENT_SCOPE'][number % 3]),
    );
  });
});

describe('hooks', () => {
  const NAMES = ['getClaims', 'verifyClaims', 'getOrCreateUser'] as const;
  const thrown = [new Error('broken'), 'text', 42, null, undefined, { code: 'ERR_INVALID_TOKEN' }];
  const cases = NAMES.flatMap((name) => thrown.map((value) => ({ name, value })));

  it.each(cases)('deny by throwing: $name throws $value (R9)', async ({ name, value }) => {
    const hook = (): never => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- hooks can throw anything
      throw value;
    };
    const error = await refusal({ hooks: { [name]: hook } });
    expect(error).toBe(value);
    const answer = createChallenge({ realm: 'api', logger: new RecordingLogger() })(error);
    expect(answer.status).toBe(500);
  });

  it.each(cases)('deny by rejecting: $name rejects with $value (R9)', async ({ name, value }) => {
    const hooks = { [name]: () => Promise.reject(value) };
    expect(await refusal({ hooks })).toBe(value);
  });

  it.each([undefined, null, 'claims', 42, true])(
    'deny where getClaims resolves with %j (R9)',
    async (none) => {
      const hooks = { getClaims: () => Promise.resolve(none as unknown as Claims) };
      expect(await refusal({ hooks }, { clients: true })).toBeInstanceOf(Error);
      expect(await refusal({ hooks }, { optional: true })).not.toHaveProperty('message', 'was let in');
    },
  );

  it('may return their result without a promise, too', async () => {
    const hooks = {
      getClaims: () => CLAIMS as unknown as Promise<Claims>,
      verifyClaims: () => undefined,
      getOrCreateUser: () => 'Alice' as unknown as Promise<string>,
    };
    expect(await fakeFlow({ hooks }).authenticate()).toMatchObject({ user: 'Alice', audience: 'web-app' });
  });

  it('are waited for: a decision that comes late still refuses (R9)', async () => {
    const verifyClaims = async (): Promise<void> => {
      await sleep(10);
      throw new InvalidTokenError('audience', 'late');
    };
    const flow = fakeFlow({ hooks: { verifyClaims } });
    await expect(flow.authenticate()).rejects.toThrow('late');
    expect(flow.backend.steps).not.toContain('getOrCreateUser');
  });

  it('that say no as in Django, by returning false, are understood (R9)', async () => {
    for (const answer of [() => false, () => Promise.resolve(false)]) {
      const verifyClaims = answer as unknown as () => undefined;
      expect(await refusal({ hooks: { verifyClaims } })).toMatchObject(refusedFor('claims'));
    }
  });

  it('that refuse by another code are taken at their word', async () => {
    const hooks = { verifyClaims: () => Promise.reject(new InvalidTokenError('resource', 'not for us')) };
    expect(await refusal({ hooks })).toMatchObject(refusedFor('resource'));
  });

  it('cannot hang the process with claims that nest too deep or contain themselves (I15)', async () => {
    const circular: Record<string, unknown> = { ...CLAIMS };
    circular.self = circular;
    expect(await refusal({ claims: circular })).toBeInstanceOf(RangeError);
  });

  it('never see a request: the token is all they get', async () => {
    const seen: unknown[][] = [];
    const hooks = {
      getClaims: (...given: unknown[]) => {
        seen.push(given);
        return Promise.resolve(CLAIMS);
      },
      getOrCreateUser: (...given: unknown[]) => {
        seen.push(given);
        return Promise.resolve('Alice');
      },
    };
    await fakeFlow({ hooks }).authenticate();
    expect(seen.map((given) => given.length)).toEqual([1, 2]);
  });
});

it('a logger that throws makes no other answer of a refusal (R9)', async () => {
  const fails = (): never => {
    throw new Error('disk full');
  };
  const logger = { debug: fails, info: fails, warn: fails, error: fails };
  for (const [options, code] of [
    [{ userStore: new MemoryUserStore() }, 'ERR_INVALID_TOKEN'],
    [{ userStore: { findBySubject: () => Promise.reject(new Error()) } }, 'ERR_USER_STORE'],
    [{ settings: { OIDC_RS_SCOPES: ['admin'] } }, 'ERR_INSUFFICIENT_SCOPE'],
  ] as const) {
    expect(await refusal({ ...options, logger })).toMatchObject({ code });
  }
});
