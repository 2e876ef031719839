import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { TestAuthorizationServer } from './authorization-server.ts';
import { Browser } from './browser.ts';
import type { Tokens } from '../../src/testing/token-request.ts';

export interface LoginRequest {
  /** Who logs in: any name has an account, and the name is the `sub`. */
  readonly login: string;
  readonly scopes: readonly string[];
  /** What the token is for: its `aud`. */
  readonly resource?: string;
  /** The browser in which it happens, to log out of it again. Default: one of its own. */
  readonly browser?: Browser;
}

/**
 * A person logs in at the client `spa`: authorization code with PKCE (RFC 7636), through the server's own pages for
 * the login and the consent, as a browser would. Checks what a client has to: `state`, `iss` and the ID token.
 */
export async function logIn(server: TestAuthorizationServer, request: LoginRequest): Promise<Tokens> {
  const application = await listenForCallback();
  try {
    const verifier = randomBytes(32).toString('base64url');
    const state = randomBytes(16).toString('base64url');
    // The nonce is for the ID token; the server refuses it where none was asked for.
    const nonce = request.scopes.includes('openid') ? randomBytes(16).toString('base64url') : undefined;
    const resource = request.resource ? { resource: request.resource } : {};

    const start = new URL(server.endpoints.authorization);
    start.search = new URLSearchParams({
      client_id: 'spa',
      response_type: 'code',
      redirect_uri: application.redirectUri,
      scope: request.scopes.join(' '),
      state,
      ...(nonce && { nonce }),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      // Without it the server leaves offline_access out.
      prompt: 'consent',
      ...resource,
    }).toString();

    const callback = await walkThroughPages(start, application.redirectUri, request);
    const result = callback.searchParams;
    if (result.get('state') !== state || result.get('iss') !== server.url) {
      throw new Error(`The redirect has another state or issuer than asked for: ${callback.search}`);
    }

    const response = await fetch(server.endpoints.token, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: 'spa',
        code: result.get('code') ?? '',
        redirect_uri: application.redirectUri,
        code_verifier: verifier,
        // Again: a token asked for with `openid` and without this would be for userinfo, without an audience.
        ...resource,
      }),
    });
    if (!response.ok) {
      throw new Error(`The token endpoint answered ${response.status}: ${await response.text()}`);
    }
    const tokens = (await response.json()) as {
      access_token: string;
      refresh_token?: string;
      id_token?: string;
    };
    if (nonce) await verifyIdToken(server, tokens.id_token ?? '', request.login, nonce);
    return {
      accessToken: tokens.access_token,
      ...(tokens.refresh_token && { refreshToken: tokens.refresh_token }),
      ...(tokens.id_token && { idToken: tokens.id_token }),
    };
  } finally {
    await application.stop();
  }
}

/** Ends the session in this browser, by the server's own page. The server must have been told of a `backchannelLogoutUri`. */
export async function logOut(
  server: TestAuthorizationServer,
  browser: Browser,
  idToken: string,
): Promise<void> {
  const url = new URL(`${server.url}/session/end`);
  url.searchParams.set('id_token_hint', idToken);
  const page = await browser.open(url);
  await browser.submit(page, { logout: 'yes' });
}

/** Fills in every form the server shows, until it sends the person back to the application. */
async function walkThroughPages(
  start: URL,
  redirectUri: string,
  { login, browser = new Browser() }: LoginRequest,
): Promise<URL> {
  let page = await browser.open(start);
  // A login and a consent; more pages than these are a fault.
  for (let forms = 0; forms < 4; forms += 1) {
    if (page.url.href.startsWith(redirectUri)) {
      const error = page.url.searchParams.get('error');
      if (error)
        throw new Error(
          `The server refused: ${error}, ${page.url.searchParams.get('error_description') ?? ''}`,
        );
      return page.url;
    }
    page = await browser.submit(page, { login, password: 'any' });
  }
  throw new Error(`Four forms were filled in, and the server still shows ${page.url.href}`);
}

async function verifyIdToken(
  server: TestAuthorizationServer,
  idToken: string,
  login: string,
  nonce: string,
): Promise<void> {
  const keys = createRemoteJWKSet(new URL(server.endpoints.jwks));
  const { payload } = await jwtVerify(idToken, keys, { issuer: server.url, audience: 'spa', subject: login });
  if (payload.nonce !== nonce) throw new Error('The ID token has another nonce than asked for');
}

/** The application's page to which the server sends the person back with the code. */
async function listenForCallback(): Promise<{ redirectUri: string; stop: () => Promise<void> }> {
  const server = createServer((_request, response) => {
    response.end('You are logged in.');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    redirectUri: `http://127.0.0.1:${port}/callback`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
