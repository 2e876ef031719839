import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Request } from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import type { RegisteredAuthentication } from 'oidc-resource-server';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from 'vitest';
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
  pageAt('docs/guides/migrating-from-express-oauth2-jwt-bearer.md'),
  '## What changes for callers',
);

let server: JwtAuthorizationServer;
let before: Program;
let after: Program;
const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);

const tokenOf = async (format: Format, request: JwtTokenRequest = {}): Promise<string> =>
  (await server.tokenFor('alice', { format, ...request })).accessToken;

/** Made once for each side: a JWT for the one before, an opaque token of the same server for the one after. */
const REQUESTS: Readonly<Record<string, (format: Format) => TableRequest | Promise<TableRequest>>> = {
  'a good token': async (format) => bearer(await tokenOf(format)),
  'no token': () => bearer(),
  'another scheme': () => ({ line: 'GET /me', headers: ['Authorization: Basic YTpi'] }),
  'Bearer without a token': () => ({ line: 'GET /me', headers: ['Authorization: Bearer'] }),
  'two Authorization headers, the first one good': async (format) => bearer(await tokenOf(format), 'dead'),
  'the token in the query': async (format) => ({
    line: `GET /me?access_token=${await tokenOf(format)}`,
    headers: [],
  }),
  'the token in a form body': async (format) => formPost(await tokenOf(format)),
  'a made-up token': () => bearer('made-up'),
  'a made-up token in the form of a JWT': () => bearer('eyJhbGciOiJub25lIn0.e30.'),
  'an expired token': async (format) => bearer(await tokenOf(format, { expiresIn: -60 })),
  'a token for another API': async (format) =>
    bearer(await tokenOf(format, { audience: 'https://other.example.com' })),
  'a token without the scope': async (format) => bearer(await tokenOf(format, { scope: 'openid' })),
  'a token that was revoked': async (format) => {
    const { accessToken, refreshToken } = await server.tokenFor('alice', { format });
    await server.revoke(refreshToken);
    return bearer(accessToken);
  },
  "a client's own token": async (format) => bearer(await server.clientToken(format)),
  'a token that is bound to a key, with its proof': async (format) => boundToKey(format),
  'no token, where it is optional': () => ({ line: 'GET /greeting', headers: [] }),
  'a dead token, where it is optional': () => ({ ...bearer('dead'), line: 'GET /greeting' }),
  'a good token, while the authorization server is down': async (format) => {
    const token = await tokenOf(format);
    await server.stop();
    return bearer(token);
  },
};

/** A request with a DPoP proof (RFC 9449 section 7.1). */
async function boundToKey(format: Format): Promise<TableRequest> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  const token = await tokenOf(format, { jkt: await calculateJwkThumbprint(jwk) });
  const ath = createHash('sha256').update(token).digest('base64url');
  // The Host header of these requests has no port.
  const proof = await new SignJWT({ jti: randomUUID(), htm: 'GET', htu: 'http://localhost/me', ath })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
    .setIssuedAt()
    .sign(privateKey);
  return { line: 'GET /me', headers: [`Authorization: DPoP ${token}`, `DPoP: ${proof}`] };
}

beforeAll(async () => {
  server = await startJwtAuthorizationServer();
  before = await startProgram(() => import('../../examples/migrating/express-oauth2-jwt-bearer/before.ts'), {
    ISSUER_BASE_URL: server.issuer,
    AUDIENCE: 'https://api.example.com',
  });
  after = await startProgram(() => import('../../examples/migrating/express-oauth2-jwt-bearer/after.ts'), {
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

describe('the guide to migrating from express-oauth2-jwt-bearer', () => {
  it.each<[string, () => Program, Format]>([
    ['before', () => before, 'jwt'],
    ['after', () => after, 'opaque'],
  ])('answers a good token with the same body: %s', async (_, program, format) => {
    await expectGoodAnswers(program(), bearer(await tokenOf(format)).headers);
  });

  it('has tokens of both formats, with the same claims', async () => {
    expect((await tokenOf('jwt')).split('.')).toHaveLength(3);
    expect((await tokenOf('opaque')).split('.')).toHaveLength(1);
  });

  it('says that this server introspects no JWT: good before, refused after', async () => {
    const request = bearer(await tokenOf('jwt'));
    expect(await answerTo(before, request)).toBe('200');
    expect(await answerTo(after, request)).toBe('401 Bearer realm="api", error="invalid_token"');
  });

  it('answers a refusal with another body', async () => {
    expect((await rawRequest(before.origin, 'GET /me')).body).toMatch(/^<!DOCTYPE html>/);
    expect((await rawRequest(after.origin, 'GET /me')).headers.get('content-type')).toEqual([
      'application/problem+json',
    ]);
  });

  it('lets both packages guard routes of one application', async () => {
    const old = auth({ issuerBaseURL: server.issuer, audience: 'https://api.example.com' });
    await withBothGuards(server.settings, [old], async (program) => {
      await expectGuarded(program, '/old', bearer(await tokenOf('jwt')));
      await expectGuarded(program, '/new', bearer(await tokenOf('opaque')));
    });
  });

  // Checked by the compiler: both packages are imported here.
  it('says whose type `request.auth` is', () => {
    expectTypeOf<Request['auth']>().toEqualTypeOf<RegisteredAuthentication | undefined>();
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
