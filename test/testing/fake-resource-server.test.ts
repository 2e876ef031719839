import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  AuthorizationServerError,
  NoCredentialsError,
  type ResourceRequest,
  type ResourceServer,
  type UserAuthentication,
} from 'oidc-resource-server';
import { fakeResourceServer } from 'oidc-resource-server/testing';
import { RecordingLogger } from '../support/recording-logger.ts';

const alice = { id: 1, name: 'Alice' };
const carol = { id: 3, name: 'Carol' };

function requestWith(token?: string, scheme = 'Bearer'): ResourceRequest {
  return { method: 'GET', url: '/', rawHeaders: token ? ['Authorization', `${scheme} ${token}`] : [] };
}

describe('a person', () => {
  const resourceServer = fakeResourceServer({
    'alice-token': { user: alice, scopes: ['groups', 'openid'] },
    'carol-token': { user: carol },
    'nobody-token': { user: undefined },
  });

  it('comes in as the very object of the table, with the scopes of the token', async () => {
    const auth = await resourceServer.authenticate(requestWith('alice-token'), { scopes: ['groups'] });
    expect(auth.user).toBe(alice);
    expect(auth.client).toBeUndefined();
    expect(auth.scopes).toEqual(['groups', 'openid']);
    expect(auth.audience).toBe('test-client');
    expect(auth.claims).toMatchObject({ sub: 'person-1', iss: 'https://auth.example.com' });
    expect(auth.claims).not.toHaveProperty('aud'); // nothing asks for one
    expect(auth.token.reveal()).toBe('alice-token');
    expect(Object.isFrozen(auth)).toBe(true);
  });

  it('has no scope unless the table says so', async () => {
    const coming = resourceServer.authenticate(requestWith('carol-token'), { scopes: ['groups'] });
    await expect(coming).rejects.toMatchObject({ code: 'ERR_INSUFFICIENT_SCOPE' });
    expect((await resourceServer.authenticate(requestWith('carol-token'))).claims.sub).toBe('person-2');
  });

  it('whom nobody knows is refused, even where users would be created (U6)', async () => {
    const unknown = { code: 'ERR_INVALID_TOKEN', reason: 'unknown_user' };
    await expect(resourceServer.authenticate(requestWith('nobody-token'))).rejects.toMatchObject(unknown);
    const settings = {
      OIDC_RS_CREATE_USER: true,
      OIDC_OP_USER_ENDPOINT: 'https://auth.example.com/userinfo',
    };
    const creating = fakeResourceServer({ 'nobody-token': { user: undefined } }, { settings });
    await expect(creating.authenticate(requestWith('nobody-token'))).rejects.toMatchObject(unknown);
  });

  it('who may not come in is refused (U5)', async () => {
    const tokens = { 'alice-token': { user: alice }, 'carol-token': { user: carol } };
    const locked = fakeResourceServer(tokens, { isActive: ({ name }) => name !== 'Carol' });
    await expect(locked.authenticate(requestWith('carol-token'))).rejects.toMatchObject({
      reason: 'disabled_user',
    });
    expect((await locked.authenticate(requestWith('alice-token'))).user).toBe(alice);
  });
});

describe('a token', () => {
  it.each(['other-token', '__proto__', 'constructor', 'toString', 'alice-toke', 'Alice-token'])(
    'that is not in the table is inactive: %s (I1)',
    async (token) => {
      const resourceServer = fakeResourceServer({ 'alice-token': { user: alice } });
      await expect(resourceServer.authenticate(requestWith(token))).rejects.toMatchObject({
        code: 'ERR_INVALID_TOKEN',
        reason: 'inactive',
      });
    },
  );

  it.each([
    ['expired', { exp: 1 }],
    ['not_yet_valid', { nbf: Date.now() / 1000 + 600 }],
    ['issuer', { iss: 'https://elsewhere.example.com' }],
    ['token_type', { token_type: undefined }],
    ['inactive', { active: false }],
    ['confirmation', { cnf: { jkt: 'thumbprint' } }],
    ['subject', { sub: 42 }],
    ['client', { sub: undefined }],
  ])('is refused as the real one would be: %s (I3, I4, I9, I10, I12)', async (reason, claims) => {
    const resourceServer = fakeResourceServer({ 'alice-token': { user: alice, claims } });
    await expect(resourceServer.authenticate(requestWith('alice-token'))).rejects.toMatchObject({ reason });
  });

  it('of a client is let in where the route takes clients (I10)', async () => {
    const resourceServer = fakeResourceServer({ 'robot-token': { client: 'robot', scopes: ['groups'] } });
    const requirements = { clients: true, scopes: ['groups'] } as const;
    const auth = await resourceServer.authenticate(requestWith('robot-token'), requirements);
    expect(auth).toMatchObject({ client: 'robot', user: undefined, audience: 'robot' });
    expect(auth.claims).not.toHaveProperty('sub');
    await expect(resourceServer.authenticate(requestWith('robot-token'))).rejects.toMatchObject({
      reason: 'client',
    });
  });

  it('with an error in the table throws that error', async () => {
    const down = new AuthorizationServerError('ERR_AS_UNAVAILABLE', 'It is down.', 7);
    const resourceServer = fakeResourceServer({ 'down-token': down, 'bug-token': new Error('s3cr3t') });
    await expect(resourceServer.authenticate(requestWith('down-token'))).rejects.toBe(down);
    expect(resourceServer.challenge(down)).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
    const bug: unknown = await resourceServer.authenticate(requestWith('bug-token')).catch((e: unknown) => e);
    expect(resourceServer.challenge(bug).status).toBe(500);
  });

  it('is read once: a later change of the table changes nothing', async () => {
    const tokens: Record<string, { user: typeof alice }> = { 'alice-token': { user: alice } };
    const resourceServer = fakeResourceServer(tokens);
    tokens['carol-token'] = { user: carol };
    delete tokens['alice-token'];
    expect((await resourceServer.authenticate(requestWith('alice-token'))).user).toBe(alice);
    await expect(resourceServer.authenticate(requestWith('carol-token'))).rejects.toThrow();
  });
});

describe('the settings', () => {
  const tokens = {
    'alice-token': { user: alice },
    'other-token': { user: alice, audience: 'other-client' },
    'elsewhere-token': { user: alice, claims: { aud: 'https://elsewhere.example.com' } },
  };

  it('decide: callers (I5)', async () => {
    const resourceServer = fakeResourceServer(tokens, {
      settings: { OIDC_RS_ALLOWED_AUDIENCES: ['portal'] },
    });
    expect((await resourceServer.authenticate(requestWith('alice-token'))).audience).toBe('portal');
    const coming = resourceServer.authenticate(requestWith('other-token'));
    await expect(coming).rejects.toMatchObject({ reason: 'audience' });
  });

  it('decide: the claim that names the caller', async () => {
    const settings = { OIDC_RS_AUDIENCE_CLAIM: 'azp' };
    const resourceServer = fakeResourceServer(tokens, { settings });
    const auth = await resourceServer.authenticate(requestWith('other-token'));
    expect(auth.audience).toBe('other-client');
    expect(auth.claims.azp).toBe('other-client');
  });

  it('decide: the resource (I5)', async () => {
    const settings = { OIDC_RS_RESOURCE: 'https://api.example.com' };
    const resourceServer = fakeResourceServer(tokens, { settings });
    expect((await resourceServer.authenticate(requestWith('alice-token'))).claims.aud).toBe(
      'https://api.example.com',
    );
    const coming = resourceServer.authenticate(requestWith('elsewhere-token'));
    await expect(coming).rejects.toMatchObject({ reason: 'resource' });
  });

  it('decide: scopes of the whole API, and the realm', async () => {
    const settings = { OIDC_RS_SCOPES: ['groups'] };
    const resourceServer = fakeResourceServer(tokens, { settings, realm: 'pharmacy' });
    const error: unknown = await resourceServer
      .authenticate(requestWith('alice-token'))
      .catch((e: unknown) => e);
    expect(resourceServer.challenge(error).headers['www-authenticate']).toMatch(
      /^Bearer realm="pharmacy", error="insufficient_scope".*scope="groups"$/,
    );
  });

  it('are checked, and the environment is not read', () => {
    expect(() => fakeResourceServer({}, { settings: { OIDC_TIMEOUT: 'soon' } })).toThrow('OIDC_TIMEOUT');
    process.env.OIDC_RS_REALM = 'from the environment';
    try {
      const { headers } = fakeResourceServer({}).challenge(new NoCredentialsError());
      expect(headers['www-authenticate']).toBe('Bearer realm="api"');
    } finally {
      delete process.env.OIDC_RS_REALM;
    }
  });

  it('say where the log goes', async () => {
    const logger = new RecordingLogger();
    const resourceServer = fakeResourceServer({}, { logger });
    await expect(resourceServer.authenticate(requestWith('other-token'))).rejects.toThrow();
    expect(logger.only).toMatchObject({ level: 'info', fields: { reason: 'inactive' } });
    expect(logger.text).not.toContain('other-token');
  });
});

describe('the types', () => {
  it('follow from the table', () => {
    const mixed = fakeResourceServer({
      'alice-token': { user: alice },
      'robot-token': { client: 'robot' },
      'down-token': new Error('down'),
    });
    expectTypeOf(mixed).toEqualTypeOf<ResourceServer<{ id: number; name: string }>>();
    const authenticate = () => mixed.authenticate(requestWith('alice-token'));
    expectTypeOf(authenticate).returns.resolves.toEqualTypeOf<UserAuthentication<typeof alice>>();
  });

  it('may be said', () => {
    interface TeamUser {
      readonly id: number;
      readonly team?: string;
    }
    const said = fakeResourceServer<TeamUser>({ 'alice-token': { user: { id: 1 } } });
    expectTypeOf(said).toEqualTypeOf<ResourceServer<TeamUser>>();
    // @ts-expect-error -- the table must fit
    fakeResourceServer<TeamUser>({ 'alice-token': { user: { name: 'Alice' } } });
  });

  it('fit anywhere where the table has no person', () => {
    const clients = fakeResourceServer({ 'robot-token': { client: 'robot' } });
    const anywhere: ResourceServer<typeof alice> = clients;
    expect(anywhere).toBe(clients);
  });
});
