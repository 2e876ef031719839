import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createResourceServer } from '../../src/resource-server.ts';
import type { Answer, Requirements } from '../../src/types.ts';
import { newApiKeys } from '../support/api-keys.ts';
import { introspect, type IntrospectedApis, startIntrospectedApis } from '../support/introspect-command.ts';
import { live, type IntrospectionServer, startIntrospectionServer } from '../support/introspection-server.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

type Environment = Readonly<Record<string, string | undefined>>;

let apis: IntrospectedApis;
let fake: IntrospectionServer;
const tokens: Record<string, string> = {
  unknown: 'nobody-has-issued-this',
  malformed: 'two words',
  long: 'a'.repeat(9000),
};

beforeAll(async () => {
  [apis, fake] = await Promise.all([startIntrospectedApis(), startIntrospectionServer()]);
  const { server } = apis;
  const resource = 'https://api.example.com';
  const { accessToken, refreshToken, idToken } = await server.tokensFor('alice', {
    scopes: ['openid', 'profile', 'offline_access'],
  });
  Object.assign(tokens, {
    alice: accessToken,
    refresh: refreshToken,
    id: idToken,
    groups: await server.tokenFor('alice', { scopes: ['groups'], resource }),
    expired: await server.tokenFor('alice', { scopes: ['openid'], expiresIn: -60 }),
    bound: await server.tokenFor('alice', { scopes: ['openid'], dpopJkt: 'a'.repeat(43) }),
    robot: await server.clientToken({ scopes: ['groups'] }),
    fake: 'what-the-fake-server-knows',
  });
});
afterAll(() => Promise.all([apis.stop(), fake.close()]));

/** What the command says that an API would answer, in the shape of `answerOfApi`. */
async function answerOfCommand(env: Environment, token: string, requirements: Requirements) {
  const { scopes, anyScope, clients } = requirements;
  const run = await introspect(
    env,
    token,
    '--json',
    ...(scopes ? ['--scopes', scopes.join(' ')] : []),
    ...(anyScope ? ['--any-scope', anyScope.join(' ')] : []),
    ...(clients ? ['--clients'] : []),
  );
  const { answer, ok } = JSON.parse(run.out) as { answer: Answer & { reason?: string }; ok: boolean };
  const { status } = answer;
  expect(ok).toBe(status === 200);
  expect(run.code).toBe(status === 200 ? 0 : status < 500 ? 1 : 3);
  return answer;
}

/** What an API with the same settings does answer. */
async function answerOfApi(env: Environment, token: string, requirements: Requirements) {
  const logger = new RecordingLogger();
  const api = await createResourceServer({ env, logger });
  const rawHeaders = ['Authorization', `Bearer ${token}`];
  try {
    const auth = await api.authenticate({ method: 'GET', url: '/', rawHeaders }, requirements);
    if (auth === undefined) throw new Error('Credentials are not optional here.');
    const { audience, scopes, user, client } = auth;
    const who = client === undefined ? { subject: (user as { subject: string }).subject } : { client };
    return { status: 200, identity: { ...who, audience, scopes } };
  } catch (error) {
    const { reason } = logger.records.map(({ fields }) => fields).find((fields) => 'reason' in fields) ?? {};
    return { ...api.challenge(error), reason: reason ?? (error as { code?: string }).code };
  } finally {
    await api.close();
  }
}

/** Settings, a token, what the route asks for, and the status that comes of it. */
type Row = [
  name: string,
  settings: () => Environment,
  token: string,
  requirements: Requirements,
  status: number,
];

const json = () => apis.json;
const jwt = () => apis.jwt;
const withSettings =
  (more: Environment, base = json) =>
  () => ({ ...base(), ...more });
const faked = () => fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
const otherKey = newApiKeys().pem;

const ROWS: Row[] = [
  ['plain', json, 'alice', {}, 200],
  ['signed and encrypted', jwt, 'alice', {}, 200],
  ['unknown', json, 'unknown', {}, 401],
  ['unknown, signed and encrypted', jwt, 'unknown', {}, 401],
  ['expired', json, 'expired', {}, 401],
  ['refresh token', json, 'refresh', {}, 401],
  ['refresh token, let in', withSettings({ OIDC_RS_REQUIRE_TOKEN_TYPE: 'false' }), 'refresh', {}, 200],
  ['ID token', json, 'id', {}, 401],
  ['bound to a key', json, 'bound', {}, 401],
  ['malformed', json, 'malformed', {}, 400],
  ['too long', json, 'long', {}, 401],
  ['a scope of the settings is missing', withSettings({ OIDC_RS_SCOPES: 'groups' }), 'alice', {}, 403],
  ['a scope of the settings is there', withSettings({ OIDC_RS_SCOPES: 'groups,profile' }), 'alice', {}, 200],
  [
    'one of all scopes is missing',
    withSettings({ OIDC_RS_SCOPES: 'groups,profile', OIDC_RS_SCOPES_MATCH: 'all' }),
    'alice',
    {},
    403,
  ],
  ['a scope of the route is missing', json, 'alice', { scopes: ['openid', 'groups'] }, 403],
  ['any scope of the route is missing', jwt, 'alice', { anyScope: ['groups', 'email'] }, 403],
  [
    'the scopes of the route are there',
    json,
    'alice',
    { scopes: ['openid'], anyScope: ['a', 'profile'] },
    200,
  ],
  ['another caller', withSettings({ OIDC_RS_ALLOWED_AUDIENCES: 'web' }), 'alice', {}, 401],
  ['no caller', withSettings({ OIDC_RS_AUDIENCE_CLAIM: 'azp' }), 'alice', {}, 401],
  ['another resource', withSettings({ OIDC_RS_RESOURCE: 'https://other.example.com' }), 'groups', {}, 401],
  ['the resource', withSettings({ OIDC_RS_RESOURCE: 'https://api.example.com' }), 'groups', {}, 200],
  ['a client', json, 'robot', {}, 401],
  ['a client, let in', json, 'robot', { clients: true }, 200],
  ['a client without the scope', jwt, 'robot', { clients: true, scopes: ['email'] }, 403],
  ['a person where clients are let in', json, 'alice', { clients: true }, 200],
  ['wrong secret', withSettings({ OIDC_RS_CLIENT_SECRET: 'hunter2hunter2' }), 'alice', {}, 503],
  ['wrong key', withSettings({ OIDC_RS_PRIVATE_KEY_STR: otherKey }, jwt), 'alice', {}, 503],
  ['wrong algorithm', withSettings({ OIDC_RS_SIGNING_ALGO: 'RS256' }, jwt), 'alice', {}, 503],
  ['plain asked of signed', withSettings({ OIDC_RS_BACKEND_CLASS: undefined }, jwt), 'alice', {}, 503],
  [
    'signed asked of plain',
    () => ({
      ...apis.jwt,
      OIDC_RS_CLIENT_ID: 'api-json',
      OIDC_RS_CLIENT_SECRET: apis.json.OIDC_RS_CLIENT_SECRET,
    }),
    'alice',
    {},
    503,
  ],
  ['server down', withSettings({ OIDC_OP_URL: 'http://127.0.0.1:9' }), 'alice', {}, 503],
  ['issuer with a slash', () => ({ ...apis.json, OIDC_OP_URL: `${apis.server.url}/` }), 'alice', {}, 503],
  [
    'issuer with a slash, without discovery',
    () => ({ ...apis.server.settingsFor('json'), OIDC_OP_URL: `${apis.server.url}/` }),
    'alice',
    {},
    401,
  ],
];

describe('the answer of the command is that of the API', () => {
  it.each(ROWS)('%s', async (_, settings, token, requirements, status) => {
    const answer = await answerOfCommand(settings(), tokens[token] ?? '', requirements);
    expect(answer.status).toBe(status);
    expect(answer).toEqual(await answerOfApi(settings(), tokens[token] ?? '', requirements));
  });

  it.each([
    [{ body: live() }, 200],
    [{ body: live({ sub: undefined }) }, 401],
    [{ body: live({ sub: 'spa' }) }, 401],
    [{ body: live({ sub: ' ' }) }, 401],
    [{ body: live({ client_id: ['spa', 'other'] }) }, 200],
    [{ body: live({ iss: 'https://evil.example.com' }) }, 401],
    [{ body: live({ iat: 9e9 }) }, 401],
    [{ body: live({ exp: 1 }) }, 401],
    [{ body: live({ exp: '1' }) }, 503],
    [{ body: live({ cnf: {} }) }, 401],
    [{ body: live({ token_type: 'DPoP' }) }, 401],
    [{ body: { active: 'true' } }, 503],
    [{ body: '[' }, 503],
    [{ status: 429, headers: { 'retry-after': '9' } }, 503],
    [{ status: 400, body: { error: 'unsupported_token_type' } }, 401],
    [{ misbehave: (response: { destroy: () => unknown }) => void response.destroy() }, 503],
  ])('%j', async (given, status) => {
    fake.answerWith(given);
    const answer = await answerOfCommand(faked(), tokens.fake ?? '', {});
    expect(answer.status).toBe(status);
    expect(answer).toEqual(await answerOfApi(faked(), tokens.fake ?? '', {}));
  });
});
