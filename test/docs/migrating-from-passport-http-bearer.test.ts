import type { RequestHandler } from 'express';
import passport from 'passport';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { rawRequest } from '../support/raw-http.ts';
import type { TokenRequest } from '../../src/testing/token-request.ts';
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
import { pageAt } from './pages.ts';

const rows = rowsBelow(
  pageAt('docs/guides/migrating-from-passport-http-bearer.md'),
  '## What changes for callers',
);

let server: TestAuthorizationServer;
let before: Program;
let after: Program;
const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);

const tokenOf = async (request: Partial<TokenRequest> = {}): Promise<string> =>
  (await server.tokensFor('alice', { scopes: ['groups'], ...request })).accessToken;

const REQUESTS: Readonly<Record<string, () => TableRequest | Promise<TableRequest>>> = {
  'a good token': async () => bearer(await tokenOf()),
  'no token': () => bearer(),
  'another scheme': () => ({ line: 'GET /me', headers: ['Authorization: Basic YTpi'] }),
  'Bearer without a token': () => ({ line: 'GET /me', headers: ['Authorization: Bearer'] }),
  'two Authorization headers, the first one good': async () => bearer(await tokenOf(), 'dead'),
  'the token in the query': async () => ({ line: `GET /me?access_token=${await tokenOf()}`, headers: [] }),
  'the token in a form body': async () => formPost(await tokenOf()),
  'a made-up token': () => bearer('made-up'),
  'a made-up token in the form of a JWT': () => bearer('eyJhbGciOiJub25lIn0.e30.'),
  'an expired token': async () => bearer(await tokenOf({ expiresIn: -60 })),
  'a revoked token': async () => {
    const token = await tokenOf();
    await server.revoke(token);
    return bearer(token);
  },
  'a token without the scope': async () => bearer(await tokenOf({ scopes: ['openid'] })),
  'a refresh token': async () => {
    const scopes = ['groups', 'offline_access'];
    return bearer((await server.tokensFor('alice', { scopes })).refreshToken as string);
  },
  'a token that is bound to a key': async () => bearer(await tokenOf({ dpopJkt: 'A'.repeat(43) })),
  'a token that was issued to another application': async () => bearer(await tokenOf({ client: 'robot' })),
  "a client's own token": async () => bearer(await server.clientToken({ scopes: ['groups'] })),
  'no token, where it is optional': () => ({ line: 'GET /greeting', headers: [] }),
  'a dead token, where it is optional': () => ({ ...bearer('dead'), line: 'GET /greeting' }),
  'a good token, while the authorization server is down': async () => {
    const token = await tokenOf();
    await server.stop();
    return bearer(token);
  },
};

beforeAll(async () => {
  server = await startAuthorizationServer();
  const settings = server.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
  before = await startProgram(
    () => import('../../examples/migrating/passport-http-bearer/before.ts'),
    settings,
  );
  after = await startProgram(
    () => import('../../examples/migrating/passport-http-bearer/after.ts'),
    settings,
  );
});
afterAll(async () => {
  await before.close();
  await after.close();
  await server.stop();
  printed.mockRestore();
});

describe('the guide to migrating from passport-http-bearer', () => {
  it('answers a good token with the same body', async () => {
    const { headers } = bearer(await tokenOf());
    for (const program of [before, after]) await expectGoodAnswers(program, headers);
  });

  it('answers a refusal with another body', async () => {
    expect((await rawRequest(before.origin, 'GET /me')).body).toBe('Unauthorized');
    expect((await rawRequest(after.origin, 'GET /me')).headers.get('content-type')).toEqual([
      'application/problem+json',
    ]);
  });

  it('lets both packages guard routes of one application', async () => {
    // The strategy is the one that the example has set.
    const strategy = passport.authenticate('bearer', { session: false }) as RequestHandler;
    await withBothGuards(server.settingsFor('json'), [strategy], async (program) => {
      const request = bearer(await tokenOf());
      await expectGuarded(program, '/old', request);
      await expectGuarded(program, '/new', request);
    });
  });

  it('has a row for each request', () => {
    expect(rows.map(([request]) => request)).toEqual(Object.keys(REQUESTS));
  });

  // In order: the last one stops the authorization server.
  it.each(Object.entries(REQUESTS))('says what changes: %s', async (name, make) => {
    const request = await make();
    const answers = [await answerTo(before, request), await answerTo(after, request)];
    expect(answers).toEqual(rows.find(([row]) => row === name)?.slice(1));
  });
});
