import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/express';
import { expect, vi } from 'vitest';
import { rawRequest } from '../support/raw-http.ts';
import type { Page } from './pages.ts';

/** A request of the table, as it goes over the wire. */
export interface TableRequest {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body?: string;
}

/** A program that was started. */
export interface Program {
  readonly origin: string;
  close(): Promise<void>;
}

/** Imports an example with this environment and resolves once it listens. What it says is not printed. */
export async function startProgram(
  load: () => Promise<{ server: Server; resourceServer?: { close(): Promise<void> } }>,
  env: Readonly<Record<string, string>>,
): Promise<Program> {
  for (const [name, value] of Object.entries({ ...env, PORT: '0' })) vi.stubEnv(name, value);
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    const { server, resourceServer } = await load();
    if (!server.listening) await once(server, 'listening');
    await new Promise(setImmediate);
    return {
      origin: `http://localhost:${(server.address() as AddressInfo).port}`,
      close: async () => {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
        await resourceServer?.close();
      },
    };
  } finally {
    log.mockRestore();
    vi.unstubAllEnvs();
  }
}

/** A request for `/me` with these tokens, each in an `Authorization` header of its own. */
export function bearer(...tokens: string[]): TableRequest {
  return { line: 'GET /me', headers: tokens.map((token) => `Authorization: Bearer ${token}`) };
}

/** A request with the token in a form body. */
export function formPost(token: string): TableRequest {
  return {
    line: 'POST /notes',
    headers: ['Content-Type: application/x-www-form-urlencoded'],
    body: `access_token=${token}`,
  };
}

/** Asks a program and tells the answer as the table does: the status, and the challenge without what is left out there. */
export async function answerTo(program: Program, { line, headers, body }: TableRequest): Promise<string> {
  const answer = await rawRequest(program.origin, line, headers, body);
  const challenges = answer.headers.get('www-authenticate') ?? [];
  const shown = challenges
    .join(', ')
    .replace(/, error_description="[^"]*"/g, '')
    .replace(/(DPoP) algs="[^"]*"/g, '$1 …');
  return shown === '' ? String(answer.status) : `${answer.status} ${shown}`;
}

/** The rows of the table below a heading: the request, and the answers before and after. */
export function rowsBelow(page: Page, heading: string): [request: string, before: string, after: string][] {
  const section = page.text.split(/^(?=#{2,3} )/m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) => {
    const [request = '', before = '', after = ''] = row
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.replaceAll('`', '').trim());
    return [request, before, after];
  });
}

/** Expects the answers that a good token of alice's gets from every program, before and after. */
export async function expectGoodAnswers({ origin }: Program, headers: readonly string[]): Promise<void> {
  expect((await rawRequest(origin, 'GET /me', headers)).body).toBe('{"subject":"alice"}');
  expect((await rawRequest(origin, 'POST /notes', headers, 'text=hello')).status).toBe(201);
  expect((await rawRequest(origin, 'GET /greeting', headers)).body).toBe('{"user":{"subject":"alice"}}');
  expect((await rawRequest(origin, 'GET /greeting')).body).toBe('{"user":null}');
  expect((await rawRequest(origin, 'GET /public')).body).toBe('{"open":true}');
}

/** Hands over an application with a route of each kind: `/old` with the other package's guards, and `/new` with ours. */
export async function withBothGuards(
  settings: Readonly<Record<string, string>>,
  old: readonly RequestHandler[],
  use: (program: Pick<Program, 'origin'>) => Promise<void>,
): Promise<void> {
  const resourceServer = await createResourceServer({ env: settings });
  const app = express();
  app.get('/old', ...old, (_, response) => void response.send('old'));
  app.get('/new', authenticate(resourceServer), (_, response) => void response.send('new'));
  const listening = app.listen(0);
  await once(listening, 'listening');
  try {
    await use({ origin: `http://localhost:${(listening.address() as AddressInfo).port}` });
  } finally {
    listening.close();
    listening.closeAllConnections();
    await resourceServer.close();
  }
}

/** Expects a route of {@link withBothGuards} to serve these tokens, and to refuse strangers with this status. */
export async function expectGuarded(
  { origin }: Pick<Program, 'origin'>,
  path: '/old' | '/new',
  { headers }: TableRequest,
  refusal = 401,
): Promise<void> {
  expect((await rawRequest(origin, `GET ${path}`, headers)).body).toBe(path.slice(1));
  expect((await rawRequest(origin, `GET ${path}`)).status).toBe(refusal);
}
