import { createRemoteJWKSet, jwtVerify } from 'jose';
import { createResourceServer } from 'oidc-resource-server';
import { startTestAuthorizationServer, type TestAuthorizationServer } from 'oidc-resource-server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { introspect } from '../support/introspection.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const clients = {
  portal: { authentication: 'none' },
  cron: { secret: 'the secret of cron: +/%' },
  'old-cron': { secret: 'another secret', authentication: 'client_secret_post' },
} as const;
const users = {
  alice: { email: 'alice@hospital.example', email_verified: false, name: 'Alice', department: 'pharmacy' },
  bob: {},
};

let server: TestAuthorizationServer;
beforeAll(async () => {
  server = await startTestAuthorizationServer({ clients, users, scopes: ['patients'] });
});
afterAll(() => server.stop());

const claimsOf = async (token: string): Promise<unknown> => (await introspect(server, token)).json;
const userinfoOf = async (token: string): Promise<unknown> =>
  (await fetch(server.endpoints.userinfo, { headers: { authorization: `Bearer ${token}` } })).json();
const enter = async (settings: Record<string, string>, token: string): Promise<unknown> => {
  const resourceServer = await createResourceServer({ env: {}, settings, logger: new RecordingLogger() });
  const rawHeaders = ['Authorization', `Bearer ${token}`];
  try {
    return (await resourceServer.authenticate({ method: 'GET', url: '/', rawHeaders })).user;
  } finally {
    await resourceServer.close();
  }
};

describe('the users of a test authorization server', () => {
  it('are those of the options, with their claims by scope', async () => {
    const all = await server.tokenFor('alice', { scopes: ['openid', 'email', 'profile'] });
    expect(await userinfoOf(all)).toEqual({ sub: 'alice', ...users.alice });
    const few = await server.tokenFor('alice', { scopes: ['openid'] });
    expect(await userinfoOf(few)).toEqual({ sub: 'alice', department: 'pharmacy' });
    const bob = await server.tokenFor('bob', { scopes: ['openid', 'email', 'profile'] });
    expect(await userinfoOf(bob)).toEqual({ sub: 'bob' });
  });

  it('are nobody else', async () => {
    await expect(server.tokenFor('mallory', { scopes: [] })).rejects.toThrow('no user mallory');
    await expect(server.tokenFor('constructor', { scopes: [] })).rejects.toThrow('no user constructor');
  });
});

describe('a token', () => {
  it('is a string; `tokensFor` has the others too', async () => {
    const scopes = ['openid', 'offline_access'];
    expect(await server.tokenFor('alice', { scopes })).toEqual(expect.any(String));
    expect(await server.tokensFor('alice', { scopes })).toEqual({
      accessToken: expect.any(String) as unknown,
      refreshToken: expect.any(String) as unknown,
      idToken: expect.any(String) as unknown,
    });
  });

  it('has the claims and the scopes that it should have, and the client', async () => {
    const claims = { department: 'pharmacy', sub: 'mallory', active: false };
    const request = { scopes: ['patients'], client: 'portal', claims, resource: 'urn:an:api' };
    expect(await claimsOf(await server.tokenFor('alice', request))).toMatchObject({
      active: true,
      sub: 'alice',
      client_id: 'portal',
      aud: 'urn:an:api',
      scope: 'patients',
      department: 'pharmacy',
    });
    const plain = await claimsOf(await server.tokenFor('alice', { scopes: [] }));
    expect(plain).not.toHaveProperty('department');
  });

  it.each(['robot', 'cron', 'old-cron'])('of a client that acts for itself: %s', async (client) => {
    const token = await server.clientToken({ scopes: ['patients'], client });
    expect(await claimsOf(token)).toMatchObject({ active: true, client_id: client, scope: 'patients' });
    await server.revoke(token);
    expect(await claimsOf(token)).toEqual({ active: false });
  });

  it('of a client without a secret, or of none, cannot be had', async () => {
    for (const client of ['portal', 'nobody']) {
      await expect(server.clientToken({ scopes: [], client })).rejects.toThrow(`no client ${client}`);
    }
  });
});

describe('the settings', () => {
  it.each(['json', 'json-post', 'jwt'] as const)('for %s are all that an API needs', async (api) => {
    const token = await server.tokenFor('alice', { scopes: [] });
    expect(await enter(server.settingsFor(api), token)).toMatchObject({ subject: 'alice' });
  });

  it.each([
    [{ encryptionAlg: 'ECDH-ES+A256KW', encryptionEnc: 'A128GCM', signingAlg: 'RS256' } as const],
    [{ encryptionAlg: 'RSA-OAEP-256', encryptionEnc: 'A256CBC-HS512' } as const],
  ])('for jwt follow the algorithms: %o', async (options) => {
    await using own = await startTestAuthorizationServer(options);
    const settings = own.settingsFor('jwt');
    expect(settings.OIDC_RS_ENCRYPTION_ALGO).toBe(options.encryptionAlg);
    const token = await own.tokenFor('anybody', { scopes: [] });
    expect(await enter(settings, token)).toMatchObject({ subject: 'anybody' });
  });

  it.each(['cron', 'old-cron'] as const)('may be those of a client of the options: %s', async (id) => {
    const { secret } = clients[id];
    const changes = { OIDC_RS_CLIENT_ID: id, OIDC_RS_CLIENT_SECRET: secret };
    const token = await server.tokenFor('alice', { scopes: [] });
    expect(await enter(server.settingsFor('json', changes), token)).toMatchObject({ subject: 'alice' });
    const basic = { ...changes, OIDC_RS_CLIENT_AUTH_METHOD: 'client_secret_basic' };
    const coming = enter(server.settingsFor('json', basic), token);
    if (id === 'cron') await coming;
    else await expect(coming).rejects.toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED' });
  });

  it('are those of one server: nothing opens another', async () => {
    await using other = await startTestAuthorizationServer({ users });
    const token = await other.tokenFor('alice', { scopes: [] });
    await expect(enter(server.settingsFor('json'), token)).rejects.toMatchObject({ reason: 'inactive' });
    expect(other.settingsFor('json').OIDC_RS_CLIENT_SECRET).not.toBe(
      server.settingsFor('json').OIDC_RS_CLIENT_SECRET,
    );
  });
});

describe('access tokens that are JWTs', () => {
  it('are verified by the published keys, and not introspected', async () => {
    await using own = await startTestAuthorizationServer({ accessTokenFormat: 'jwt' });
    const request = { scopes: ['groups'], resource: 'urn:an:api', claims: { department: 'pharmacy' } };
    const token = await own.tokenFor('alice', request);
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(own.endpoints.jwks)), {
      issuer: own.url,
      audience: 'urn:an:api',
      typ: 'at+jwt',
      algorithms: ['RS256'],
    });
    expect(payload).toMatchObject({
      sub: 'alice',
      client_id: 'spa',
      scope: 'groups',
      department: 'pharmacy',
    });
    expect((await introspect(own, token)).json).toMatchObject({ error: 'unsupported_token_type' });

    const forClient = await own.clientToken({ scopes: ['groups'], resource: 'urn:an:api' });
    expect(forClient.split('.')).toHaveLength(3);
    // Nobody to be for, so there is nobody to verify it.
    const opaque = await own.tokenFor('alice', { scopes: ['groups'] });
    expect((await introspect(own, opaque)).json).toMatchObject({ active: true });
  });
});

describe('the options', () => {
  it('cannot take the name of a client that the server has', async () => {
    const starting = startTestAuthorizationServer({ clients: { robot: { secret: 'x' } } });
    await expect(starting).rejects.toThrow('a client robot of its own');
  });
});

it('ends with the block that it was started in', async () => {
  let url: string;
  {
    await using own = await startTestAuthorizationServer();
    ({ url } = own);
    expect((await fetch(own.endpoints.jwks)).status).toBe(200);
  }
  await expect(fetch(url)).rejects.toThrow();
});
