import { describe, expect, it } from 'vitest';
import { IntrospectionResourceServerBackend } from '../../src/backend/introspection-backend.ts';
import type { Claims } from '../../src/claims.ts';
import type { HttpAdapter } from '../../src/http/http-adapter.ts';
import { AccessToken } from '../../src/secret.ts';
import type { SettingsInput } from '../../src/settings.ts';
import type { UserProfile, UserStore } from '../../src/user/user-store.ts';
import { userStoreProblems } from '../../src/user-store-problems.ts';
import { failureOf } from '../support/faults.ts';
import { realDependencies } from '../support/real-dependencies.ts';

const ISSUER = 'https://auth.example.com';
const TOKEN = new AccessToken('the-access-token');
const CLAIMS: Claims = { active: true, iss: ISSUER, sub: 'alice', client_id: 'spa' };
const USERINFO = {
  sub: 'alice',
  email: 'alice@example.org',
  email_verified: true,
  given_name: 'Alice',
  usual_name: 'Martin',
};
const CREATE = { OIDC_RS_CREATE_USER: true };
const LINK = { OIDC_RS_FALLBACK_TO_EMAIL: true };
const ENDPOINT = { OIDC_OP_USER_ENDPOINT: `${ISSUER}/userinfo` };

interface Known {
  readonly subject: string;
  readonly profile?: UserProfile;
  updatedAt: number;
}

/** A store that records its calls. `unlinked` has the addresses of users without a subject. */
class RecordingStore implements UserStore<Known> {
  readonly calls: string[] = [];
  readonly unlinked = new Set<string>();
  known: Known | undefined;

  findBySubject(issuer: string, subject: string): Promise<Known | undefined> {
    this.calls.push(`find ${issuer} ${subject}`);
    return Promise.resolve(this.known);
  }

  create(issuer: string, subject: string, profile: UserProfile): Promise<Known> {
    this.calls.push(`create ${issuer} ${subject}`);
    this.known = { subject, profile, updatedAt: Date.now() };
    return Promise.resolve(this.known);
  }

  linkByVerifiedEmail(_issuer: string, subject: string, email: string): Promise<Known | undefined> {
    this.calls.push(`link ${email}`);
    return Promise.resolve(this.unlinked.delete(email) ? { subject, updatedAt: 0 } : undefined);
  }

  update(user: Known, profile: UserProfile): Promise<Known> {
    this.calls.push(`update ${user.subject}`);
    return Promise.resolve({ ...user, profile, updatedAt: Date.now() });
  }

  updatedAt(user: Known): number {
    return user.updatedAt;
  }
}

/** A backend over a recording store, and a user endpoint that counts. */
function backendWith(settings: SettingsInput, userinfo: { status?: number; body?: object } = {}) {
  const { status = 200, body = USERINFO } = userinfo;
  let asked = 0;
  const http: HttpAdapter = {
    request: () => {
      asked += 1;
      const headers = { 'content-type': 'application/json' };
      return Promise.resolve({ status, headers, body: Buffer.from(JSON.stringify(body)) });
    },
  };
  const userStore = new RecordingStore();
  const dependencies = { ...realDependencies({ OIDC_OP_URL: ISSUER, ...settings }, http), userStore };
  return {
    backend: new IntrospectionResourceServerBackend<Known>(dependencies),
    userStore,
    events: () => dependencies.logger.records.map(({ fields }) => fields.event),
    text: () => dependencies.logger.text,
    asked: () => asked,
  };
}

const FIND = `find ${ISSUER} alice`;

describe('an unknown person', () => {
  it('is refused after one call of the store while nothing else is asked for (U6)', async () => {
    const { backend, userStore, asked } = backendWith(ENDPOINT);
    expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toBeUndefined();
    expect(userStore.calls).toEqual([FIND]);
    expect(asked()).toBe(0);
  });

  it('is not created by the setting of the login module', async () => {
    const { backend, userStore } = backendWith({ ...ENDPOINT });
    process.env.OIDC_CREATE_USER = 'True';
    expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toBeUndefined();
    delete process.env.OIDC_CREATE_USER;
    expect(userStore.calls).toEqual([FIND]);
  });

  it('is created with what the user endpoint says, by an explicit map (U7)', async () => {
    const { backend, userStore, events, text } = backendWith(
      {
        ...ENDPOINT,
        ...CREATE,
        OIDC_USERINFO_FULLNAME_FIELDS: ['given_name', 'usual_name', 'absent'],
        OIDC_USERINFO_SHORTNAME_FIELD: 'given_name',
      },
      { body: { ...USERINFO, id: 1, is_admin: true, active: false } },
    );
    const user = await backend.getOrCreateUser(CLAIMS, TOKEN);
    const { claims, ...rest } = user?.profile as UserProfile;
    expect(rest).toEqual({ email: 'alice@example.org', fullName: 'Alice Martin', shortName: 'Alice' });
    expect(claims).toMatchObject({ given_name: 'Alice', client_id: 'spa' });
    expect(userStore.calls).toEqual([FIND, `create ${ISSUER} alice`]);
    expect(events()).toEqual(['user.created']);
    expect(text()).not.toMatch(/alice/i);
  });

  it('is created from the claims where there is no user endpoint', async () => {
    const { backend, asked } = backendWith(CREATE);
    const user = await backend.getOrCreateUser({ ...CLAIMS, name: 'Alice M.', email: 42 }, TOKEN);
    expect(user?.profile).toMatchObject({ fullName: 'Alice M.' });
    expect(user?.profile).not.toHaveProperty('email');
    expect(asked()).toBe(0);
  });

  it('is known by our issuer where the answer names none (U4)', async () => {
    const { backend, userStore } = backendWith(CREATE);
    await backend.getOrCreateUser({ ...CLAIMS, iss: undefined }, TOKEN);
    expect(userStore.calls).toEqual([FIND, `create ${ISSUER} alice`]);
  });

  it('with a key-bound token is created from the claims: the token cannot be sent on', async () => {
    const { backend, asked } = backendWith({ ...ENDPOINT, ...CREATE });
    await backend.getOrCreateUser({ ...CLAIMS, cnf: { jkt: 'x' } }, TOKEN);
    expect(asked()).toBe(0);
  });

  it.each([undefined, null, ''])(
    'is refused and not created when an essential claim is %j',
    async (email) => {
      const { backend, userStore } = backendWith(
        { ...ENDPOINT, ...CREATE, ...LINK, OIDC_USERINFO_ESSENTIAL_CLAIMS: ['sub', 'email'] },
        { body: { ...USERINFO, email } },
      );
      expect(await failureOf(backend.getOrCreateUser(CLAIMS, TOKEN))).toMatchObject({
        reason: 'essential_claims',
      });
      expect(userStore.calls).toEqual([FIND]);
    },
  );

  it('is refused, and nothing is created, when the user endpoint does not vouch', async () => {
    for (const [answer, code] of [
      [{ status: 403 }, 'ERR_INVALID_TOKEN'],
      [{ status: 500 }, 'ERR_AS_UNAVAILABLE'],
      [{ body: { ...USERINFO, sub: 'mallory' } }, 'ERR_AS_UNTRUSTED_RESPONSE'],
    ] as const) {
      const { backend, userStore } = backendWith({ ...ENDPOINT, ...CREATE }, answer);
      expect(await failureOf(backend.getOrCreateUser(CLAIMS, TOKEN))).toMatchObject({ code });
      expect(userStore.calls).toEqual([FIND]);
    }
  });
});

describe('the fallback to e-mail', () => {
  it('links the user with the verified address, and says so (U2)', async () => {
    const { backend, userStore, events, text } = backendWith({ ...ENDPOINT, ...LINK });
    userStore.unlinked.add('alice@example.org');
    expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toMatchObject({ subject: 'alice' });
    expect(userStore.calls).toEqual([FIND, 'link alice@example.org']);
    expect(events()).toEqual(['user.linked']);
    expect(text()).not.toContain('alice');
  });

  it.each([false, 'true', 1, null, undefined])('is off for email_verified %j (U2)', async (verified) => {
    const body = { ...USERINFO, email_verified: verified };
    const { backend, userStore } = backendWith({ ...ENDPOINT, ...LINK }, { body });
    userStore.unlinked.add('alice@example.org');
    expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toBeUndefined();
    expect(userStore.calls).toEqual([FIND]);
  });

  it.each<[string, object, Claims]>([
    [
      'an address of userinfo, which the token vouches for',
      { email: 'new@example.org' },
      { email: 'old@example.org', email_verified: true },
    ],
    [
      'an address of the token, which userinfo vouches for',
      { email_verified: true },
      { email: 'new@example.org' },
    ],
  ])('takes address and verification from one source only: %s (U2)', async (_, userinfo, claims) => {
    const { backend, userStore } = backendWith(
      { ...ENDPOINT, ...LINK },
      { body: { sub: 'alice', ...userinfo } },
    );
    userStore.unlinked.add('new@example.org').add('old@example.org');
    expect(await backend.getOrCreateUser({ ...CLAIMS, ...claims }, TOKEN)).toBeUndefined();
    expect(userStore.calls).toEqual([FIND]);
  });

  it('takes both from the token where userinfo says neither', async () => {
    const { backend, userStore } = backendWith({ ...ENDPOINT, ...LINK }, { body: { sub: 'alice' } });
    userStore.unlinked.add('old@example.org');
    await backend.getOrCreateUser({ ...CLAIMS, email: 'old@example.org', email_verified: true }, TOKEN);
    expect(userStore.calls).toEqual([FIND, 'link old@example.org']);
  });

  it('creates where it links nobody, if both are on', async () => {
    const { backend, userStore } = backendWith({ ...ENDPOINT, ...LINK, ...CREATE });
    await backend.getOrCreateUser(CLAIMS, TOKEN);
    expect(userStore.calls).toEqual([FIND, 'link alice@example.org', `create ${ISSUER} alice`]);
  });
});

describe('a known user', () => {
  const MAX_AGE = { ...ENDPOINT, OIDC_RS_USERINFO_MAX_AGE: 60 };

  it('costs one call of the store and nothing else (U9)', async () => {
    const { backend, userStore, asked } = backendWith({ ...ENDPOINT, ...CREATE, ...LINK });
    userStore.known = { subject: 'alice', updatedAt: 0 };
    expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toBe(userStore.known);
    expect(userStore.calls).toEqual([FIND]);
    expect(asked()).toBe(0);
  });

  it('is looked at again once OIDC_RS_USERINFO_MAX_AGE has passed, not before (U9)', async () => {
    const { backend, userStore, asked } = backendWith(MAX_AGE);
    userStore.known = { subject: 'alice', updatedAt: Date.now() - 59_000 };
    await backend.getOrCreateUser(CLAIMS, TOKEN);
    expect(asked()).toBe(0);
    userStore.known = { subject: 'alice', updatedAt: Date.now() - 61_000 };
    const user = await backend.getOrCreateUser(CLAIMS, TOKEN);
    expect(user?.profile).toMatchObject({ email: 'alice@example.org' });
    expect(userStore.calls.slice(1)).toEqual([FIND, 'update alice']);
    expect(asked()).toBe(1);
  });

  it('is let in as is while the user endpoint is down or refuses the token', async () => {
    for (const status of [403, 500]) {
      const { backend, userStore } = backendWith(MAX_AGE, { status });
      userStore.known = { subject: 'alice', updatedAt: 0 };
      expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toBe(userStore.known);
    }
  });

  it('is not let in when the user endpoint speaks of somebody else', async () => {
    const { backend, userStore } = backendWith(MAX_AGE, { body: { sub: 'mallory' } });
    userStore.known = { subject: 'alice', updatedAt: 0 };
    expect(await failureOf(backend.getOrCreateUser(CLAIMS, TOKEN))).toMatchObject({
      code: 'ERR_AS_UNTRUSTED_RESPONSE',
    });
  });

  it('who is disabled is not looked at again: he costs what an unknown one costs (U6)', async () => {
    const { backend, userStore, asked } = backendWith(MAX_AGE);
    userStore.known = { subject: 'alice', updatedAt: 0 };
    Object.assign(userStore, { isActive: () => false });
    expect(await backend.getOrCreateUser(CLAIMS, TOKEN)).toBe(userStore.known);
    expect(userStore.calls).toEqual([FIND]);
    expect(asked()).toBe(0);
  });

  it('with a key-bound token is never looked at again', async () => {
    const { backend, userStore, asked } = backendWith(MAX_AGE);
    userStore.known = { subject: 'alice', updatedAt: 0 };
    await backend.getOrCreateUser({ ...CLAIMS, cnf: { jkt: 'x' } }, TOKEN);
    expect(asked()).toBe(0);
  });
});

describe('at the start', () => {
  const lookup = { findBySubject: () => Promise.resolve(undefined) };

  it.each<[string, SettingsInput]>([
    ['OIDC_RS_CREATE_USER', CREATE],
    ['OIDC_RS_FALLBACK_TO_EMAIL', LINK],
    ['OIDC_RS_USERINFO_MAX_AGE', { ...ENDPOINT, OIDC_RS_USERINFO_MAX_AGE: 60 }],
  ])('%s needs a store that can do it (X6)', (name, input) => {
    const { settings } = realDependencies(
      { OIDC_OP_URL: ISSUER, ...input },
      { request: () => Promise.reject(new Error()) },
    );
    expect(userStoreProblems(settings, lookup)).toEqual([
      expect.stringMatching(new RegExp(`^${name} needs `)),
    ]);
    expect(userStoreProblems(settings, new RecordingStore())).toEqual([]);
  });

  it('OIDC_RS_USERINFO_MAX_AGE needs a user endpoint (X6)', () => {
    const http = { request: () => Promise.reject(new Error()) };
    const found = { OIDC_OP_URL: ISSUER, OIDC_RS_USERINFO_MAX_AGE: 60 };
    const named = { ...found, OIDC_OP_INTROSPECTION_ENDPOINT: `${ISSUER}/introspect` };
    expect(userStoreProblems(realDependencies(named, http).settings, new RecordingStore())).toEqual([
      expect.stringContaining('OIDC_OP_USER_ENDPOINT'),
    ]);
    expect(userStoreProblems(realDependencies(found, http).settings, new RecordingStore())).toEqual([]);
  });
});
