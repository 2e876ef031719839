import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/express';
import passport from 'passport';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { rawRequest } from '../support/raw-http.ts';
import type { TokenRequest } from '../support/tokens.ts';
import {
  answerTo,
  bearer,
  formPost,
  type Program,
  rowsBelow,
  startProgram,
  type TableRequest,
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
    const [headers, public_] = [bearer(await tokenOf()).headers, '{"open":true}'];
    for (const { origin } of [before, after]) {
      expect((await rawRequest(origin, 'GET /me', headers)).body).toBe('{"subject":"alice"}');
      expect((await rawRequest(origin, 'POST /notes', headers, 'text=hello')).status).toBe(201);
      expect((await rawRequest(origin, 'GET /greeting', headers)).body).toBe('{"user":{"subject":"alice"}}');
      expect((await rawRequest(origin, 'GET /greeting')).body).toBe('{"user":null}');
      expect((await rawRequest(origin, 'GET /public')).body).toBe(public_);
    }
  });

  it('answers a refusal with another body', async () => {
    expect((await rawRequest(before.origin, 'GET /me')).body).toBe('Unauthorized');
    expect((await rawRequest(after.origin, 'GET /me')).headers.get('content-type')).toEqual([
      'application/problem+json',
    ]);
  });

  it('lets both packages guard routes of one application', async () => {
    const resourceServer = await createResourceServer({ env: server.settingsFor('json') });
    const app = express();
    // The strategy is the one that the example has set.
    const strategy = passport.authenticate('bearer', { session: false }) as express.RequestHandler;
    app.get('/old', strategy, (_, response) => void response.send('old'));
    app.get('/new', authenticate(resourceServer), (_, response) => void response.send('new'));
    const listening = app.listen(0);
    await once(listening, 'listening');
    const origin = `http://localhost:${(listening.address() as AddressInfo).port}`;
    try {
      const { headers } = bearer(await tokenOf());
      expect((await rawRequest(origin, 'GET /old', headers)).body).toBe('old');
      expect((await rawRequest(origin, 'GET /new', headers)).body).toBe('new');
      for (const path of ['/old', '/new']) {
        expect((await rawRequest(origin, `GET ${path}`)).status).toBe(401);
      }
    } finally {
      listening.close();
      listening.closeAllConnections();
      await resourceServer.close();
    }
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
