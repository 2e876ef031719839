import { createResourceServer, type HttpAdapter, MemoryUserStore } from 'oidc-resource-server';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  CallerBackend,
  GroupsBackend,
  type Member,
  PharmacyBackend,
  SubjectBackend,
  users,
} from '../../examples/guides/hooks.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const ISSUER = 'https://auth.example.com';
const SETTINGS = {
  OIDC_OP_URL: ISSUER,
  OIDC_OP_INTROSPECTION_ENDPOINT: `${ISSUER}/token/introspect`,
  OIDC_RS_CLIENT_ID: 'my-api',
  OIDC_RS_CLIENT_SECRET: 'not a secret',
};

/** What the authorization server says about every token. */
let claims: Record<string, unknown>;
beforeEach(() => {
  claims = { active: true, sub: 'alice', client_id: 'spa', token_type: 'Bearer' };
});

const options = {
  env: {},
  logger: new RecordingLogger(),
  http: {
    request: () =>
      Promise.resolve({
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(claims)),
      }),
  } satisfies HttpAdapter,
};
const REQUEST = { method: 'GET', url: '/', rawHeaders: ['Authorization', 'Bearer a-token'] };

describe('the finer hooks of the guide', () => {
  it('create from the subject alone, whatever else is known, and whatever the settings say', async () => {
    const server = await createResourceServer({
      ...options,
      settings: SETTINGS,
      userStore: users,
      backend: SubjectBackend,
    });
    claims.email = 'alice@example.org';
    claims.name = 'Alice';
    const { user } = await server.authenticate(REQUEST);
    expect(user).toMatchObject({ issuer: ISSUER, subject: 'alice', active: true });
    expect([user.email, user.name]).toEqual([undefined, undefined]);
    expect((await server.authenticate(REQUEST)).user).toBe(user);
    user.active = false;
    await expect(server.authenticate(REQUEST)).rejects.toMatchObject({ reason: 'disabled_user' });
  });

  it('need no database at all', async () => {
    const server = await createResourceServer({ ...options, settings: SETTINGS, backend: CallerBackend });
    claims.staff = true;
    expect((await server.authenticate(REQUEST)).user).toEqual({ subject: 'alice', isStaff: true });
  });

  it('refuse whoever is not in a team, and create nobody', async () => {
    const userStore = new MemoryUserStore();
    const settings = { ...SETTINGS, OIDC_RS_CREATE_USER: true };
    const server = await createResourceServer({ ...options, settings, userStore, backend: PharmacyBackend });
    for (const groups of [undefined, 'pharmacy', [], ['surgery'], [['pharmacy']]]) {
      claims.groups = groups;
      await expect(server.authenticate(REQUEST)).rejects.toMatchObject({ reason: 'team', status: 401 });
    }
    expect(await userStore.findBySubject(ISSUER, 'alice')).toBeUndefined();
    claims.groups = ['pharmacy'];
    expect((await server.authenticate(REQUEST)).user).toMatchObject({ subject: 'alice' });
  });

  it('refresh groups from the claims: at the first request, and whenever they have changed', async () => {
    const userStore = new MemoryUserStore<Member>();
    const settings = { ...SETTINGS, OIDC_RS_CREATE_USER: true };
    const server = await createResourceServer({ ...options, settings, userStore, backend: GroupsBackend });
    claims.groups = ['pharmacy'];
    const { user } = await server.authenticate(REQUEST);
    const { groups } = user;
    expect(groups).toEqual(['pharmacy']);
    await server.authenticate(REQUEST);
    expect(user.groups).toBe(groups); // not written again
    claims.groups = ['pharmacy', 'surgery'];
    await server.authenticate(REQUEST);
    expect(user.groups).toEqual(['pharmacy', 'surgery']);
    claims.groups = undefined;
    await server.authenticate(REQUEST);
    expect(user.groups).toEqual([]);
  });
});
