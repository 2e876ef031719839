import Keycloak from 'keycloak-connect';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { rawRequest } from '../support/raw-http.ts';
import {
  answerTo,
  bearer,
  expectGoodAnswers,
  expectGuarded,
  formPost,
  type Program,
  rowsBelow,
  startProgram,
  type TableRequest,
  withBothGuards,
} from './before-and-after.ts';
import {
  type JwtAuthorizationServer,
  type JwtTokenRequest,
  startJwtAuthorizationServer,
} from './jwt-authorization-server.ts';
import { pageAt } from './pages.ts';

type Format = 'jwt' | 'opaque';

const rows = rowsBelow(
  pageAt('docs/guides/migrating-from-keycloak-connect.md'),
  '## What changes for callers',
);

/** What `realm_access` holds in the tokens of each person. */
const ROLES: Readonly<Record<string, unknown>> = {
  alice: { roles: ['offline_access', 'groups'] },
  bob: { roles: ['offline_access'] },
  // Nobody may come in by any of these.
  blank: { roles: ['x realm:groups'] },
  text: { roles: 'groups' },
  nested: { roles: [['groups']] },
  nothing: null,
};

let server: JwtAuthorizationServer;
let before: Program;
let after: Program;
const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);

const tokenOf = async (format: Format, who = 'alice', request: JwtTokenRequest = {}): Promise<string> =>
  (await server.tokenFor(who, { format, scope: 'openid', ...request })).accessToken;

/** Made once for each side: a JWT for the one before, an opaque token of the same server for the one after. */
const REQUESTS: Readonly<Record<string, (format: Format) => TableRequest | Promise<TableRequest>>> = {
  'a good token': async (format) => bearer(await tokenOf(format)),
  'no token': () => bearer(),
  'another scheme': () => ({ line: 'GET /me', headers: ['Authorization: Basic YTpi'] }),
  'Bearer without a token': () => ({ line: 'GET /me', headers: ['Authorization: Bearer'] }),
  'BEARER in capitals': async (format) => ({
    line: 'GET /me',
    headers: [`Authorization: BEARER ${await tokenOf(format)}`],
  }),
  'two Authorization headers, the first one good': async (format) => bearer(await tokenOf(format), 'dead'),
  'the token in the query': async (format) => ({
    line: `GET /me?access_token=${await tokenOf(format)}`,
    headers: [],
  }),
  'the token in a form body': async (format) => formPost(await tokenOf(format)),
  'a made-up token': () => bearer('made-up'),
  'a made-up token in the form of a JWT': () => bearer('eyJhbGciOiJub25lIn0.e30.'),
  'an expired token': async (format) => bearer(await tokenOf(format, 'alice', { expiresIn: -60 })),
  'a token for another API': async (format) =>
    bearer(await tokenOf(format, 'alice', { audience: 'https://other.example.com' })),
  'a token without the role': async (format) => bearer(await tokenOf(format, 'bob')),
  'a token that was revoked': async (format) => {
    const { accessToken, refreshToken } = await server.tokenFor('alice', { format });
    await server.revoke(refreshToken);
    return bearer(accessToken);
  },
  'no token, where it is optional': () => ({ line: 'GET /greeting', headers: [] }),
  'a dead token, where it is optional': () => ({ ...bearer('dead'), line: 'GET /greeting' }),
  'a good token, while the authorization server is down': async (format) => {
    const token = await tokenOf(format);
    await server.stop();
    return bearer(token);
  },
};

beforeAll(async () => {
  // With the paths of Keycloak, and the claims that its adapter looks at.
  server = await startJwtAuthorizationServer('/realms/demo', (subject) => ({
    typ: 'Bearer',
    azp: 'spa',
    realm_access: ROLES[subject],
  }));
  before = await startProgram(() => import('../../examples/migrating/keycloak-connect/before.ts'), {
    KEYCLOAK_URL: new URL(server.issuer).origin,
  });
  after = await startProgram(() => import('../../examples/migrating/keycloak-connect/after.ts'), {
    ...server.settings,
    OIDC_RS_RESOURCE: 'https://api.example.com',
  });
});
afterAll(async () => {
  await before.close();
  await after.close();
  await server.stop();
  printed.mockRestore();
});

describe('the guide to migrating from keycloak-connect', () => {
  it.each<[string, () => Program, Format]>([
    ['before', () => before, 'jwt'],
    ['after', () => after, 'opaque'],
  ])('answers a good token with the same body: %s', async (_, program, format) => {
    await expectGoodAnswers(program(), bearer(await tokenOf(format)).headers);
  });

  it.each(['blank', 'text', 'nested', 'nothing'])(
    'grants nothing for roles of another form: %s',
    async (who) => {
      const { headers } = bearer(await tokenOf('opaque', who));
      expect((await rawRequest(after.origin, 'GET /me', headers)).status).toBe(403);
      expect((await rawRequest(after.origin, 'GET /greeting', headers)).status).toBe(200);
    },
  );

  it('grants nothing for a scope that is named like a role', async () => {
    const { headers } = bearer(await tokenOf('opaque', 'bob', { scope: 'openid realm:groups' }));
    expect((await rawRequest(after.origin, 'GET /me', headers)).status).toBe(403);
  });

  it('answers a refusal with another body', async () => {
    expect((await rawRequest(before.origin, 'GET /me')).body).toBe('Access denied');
    expect((await rawRequest(after.origin, 'GET /me')).headers.get('content-type')).toEqual([
      'application/problem+json',
    ]);
  });

  it('lets both packages guard routes of one application', async () => {
    const keycloak = new Keycloak(
      {},
      {
        realm: 'demo',
        'auth-server-url': new URL(server.issuer).origin,
        resource: 'my-api',
        'bearer-only': true,
        'ssl-required': 'external',
        'confidential-port': 0,
      },
    );
    const old = [keycloak.middleware(), keycloak.protect('realm:groups')].flat();
    await withBothGuards(server.settings, old, async (program) => {
      await expectGuarded(program, '/old', bearer(await tokenOf('jwt')), 403);
      await expectGuarded(program, '/new', bearer(await tokenOf('opaque')));
    });
  });

  it('has a row for each request', () => {
    expect(rows.map(([request]) => request)).toEqual(Object.keys(REQUESTS));
  });

  // In order: the last one stops the authorization server.
  it.each(Object.entries(REQUESTS))('says what changes: %s', async (name, make) => {
    const answers = [await answerTo(before, await make('jwt')), await answerTo(after, await make('opaque'))];
    expect(answers).toEqual(rows.find(([row]) => row === name)?.slice(1));
  });
});
