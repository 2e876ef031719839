import {
  createResourceServer,
  MemoryUserStore,
  type ResourceServer,
  type SettingsInput,
} from 'oidc-resource-server';
import { afterEach, describe, expect, it } from 'vitest';
import { newApiKeys } from '../support/api-keys.ts';
import {
  startAuthorizationServer,
  type AuthorizationServerOptions,
  type TestAuthorizationServer,
} from '../support/authorization-server.ts';
import { logIn } from '../support/person.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const keys = newApiKeys();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(
  settings: SettingsInput,
  options: AuthorizationServerOptions = {},
): Promise<{
  server: TestAuthorizationServer;
  users: MemoryUserStore;
  logger: RecordingLogger;
  enter(token: string): Promise<unknown>;
}> {
  const server = await startAuthorizationServer(options);
  const users = new MemoryUserStore();
  const logger = new RecordingLogger();
  const resourceServer: ResourceServer<unknown> = await createResourceServer({
    env: {},
    settings: {
      ...server.settingsFor('json'),
      OIDC_OP_USER_ENDPOINT: server.endpoints.userinfo,
      OIDC_RS_PRIVATE_KEY_STR: keys.pem,
      ...settings,
    },
    userStore: users,
    logger,
  });
  closing.push(
    () => resourceServer.close(),
    () => server.stop(),
  );
  const enter = async (token: string): Promise<unknown> => {
    const rawHeaders = ['Authorization', `Bearer ${token}`];
    return (await resourceServer.authenticate({ method: 'GET', url: '/', rawHeaders })).user;
  };
  return { server, users, logger, enter };
}

const FORMATS: Record<string, [SettingsInput, AuthorizationServerOptions]> = {
  'plain JSON': [{}, {}],
  'a signed JWT': [{}, { userinfoSigningAlg: 'ES256' }],
  'a signed and encrypted JWT': [
    { OIDC_OP_USER_ENDPOINT_FORMAT: 'JWT' },
    { userinfoSigningAlg: 'ES256', userinfoEncryptionJwks: keys.jwks },
  ],
};

describe.each(Object.keys(FORMATS))('with userinfo as %s', (format) => {
  const [settings, options] = FORMATS[format] as (typeof FORMATS)[string];

  it('a person who logs in for the first time becomes a user, once', async () => {
    const { server, enter, logger } = await start({ ...settings, OIDC_RS_CREATE_USER: true }, options);
    const { accessToken } = await logIn(server, { login: 'alice', scopes: ['openid', 'email', 'profile'] });
    const user = await enter(accessToken);
    expect(user).toMatchObject({ subject: 'alice', email: 'alice@example.org', name: 'Name of alice' });
    expect(await enter(accessToken)).toBe(user);
    expect(logger.records.filter(({ fields }) => fields.event === 'user.created')).toHaveLength(1);
    expect(logger.text).not.toContain('alice@example.org');
  });
});

describe('against the real authorization server', () => {
  it('nobody is created while creation is off (U6)', async () => {
    const { server, enter } = await start({});
    const { accessToken } = await server.tokensFor('alice', { scopes: ['openid', 'email'] });
    await expect(enter(accessToken)).rejects.toMatchObject({ reason: 'unknown_user' });
  });

  it('a token without the scope openid creates nobody: the user endpoint refuses it', async () => {
    const { server, enter } = await start({ OIDC_RS_CREATE_USER: true });
    const { accessToken } = await server.tokensFor('alice', { scopes: ['groups'] });
    await expect(enter(accessToken)).rejects.toMatchObject({ reason: 'userinfo' });
  });

  it('a person without an essential claim is refused, and not created', async () => {
    const { server, enter } = await start({
      OIDC_RS_CREATE_USER: true,
      OIDC_USERINFO_ESSENTIAL_CLAIMS: 'email',
    });
    const { accessToken } = await server.tokensFor('alice', { scopes: ['openid'] });
    await expect(enter(accessToken)).rejects.toMatchObject({ reason: 'essential_claims' });
  });

  it('a disabled user, and then a deleted one, is refused at the next request (U5)', async () => {
    const { server, users, enter } = await start({});
    const { accessToken } = await server.tokensFor('alice', { scopes: ['openid'] });
    const alice = { issuer: server.url, subject: 'alice', active: true };
    users.add(alice);
    expect(await enter(accessToken)).toBe(alice);
    alice.active = false;
    await expect(enter(accessToken)).rejects.toMatchObject({ reason: 'disabled_user' });
    users.delete(server.url, 'alice');
    await expect(enter(accessToken)).rejects.toMatchObject({ reason: 'unknown_user' });
  });

  it('a disabled user is not created anew where creation is on (U5)', async () => {
    const { server, users, enter } = await start({ OIDC_RS_CREATE_USER: true });
    users.add({ issuer: server.url, subject: 'alice', active: false });
    const { accessToken } = await server.tokensFor('alice', { scopes: ['openid', 'email'] });
    await expect(enter(accessToken)).rejects.toMatchObject({ reason: 'disabled_user' });
  });

  it('a client named like a user does not become that user (I10)', async () => {
    const { server, users, enter } = await start({ OIDC_RS_CREATE_USER: true });
    users.add({ issuer: server.url, subject: 'robot', active: true });
    await expect(enter(await server.clientToken({ scopes: ['groups'] }))).rejects.toMatchObject({
      reason: 'client',
    });
  });
});
