import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import type { HttpAdapter, HttpRequest, HttpResponse } from '../http/http-adapter.ts';
import { testCertificates } from './certificates.ts';
import { type TestServer, withServer } from './http-servers.ts';
import type { TestRunner } from './test-runner.ts';

/** Makes the adapter under test. `ca` (PEM) is to be trusted besides the authorities of the system. */
export type HttpAdapterFactory = (options?: { readonly ca?: string }) => HttpAdapter;

/** Defines a test with a server and an adapter, which are closed after it. `ca`: the adapter knows the authority. */
export type DefineTest = (
  name: string,
  makeServer: () => Server | Promise<Server>,
  body: (adapter: HttpAdapter, server: TestServer) => Promise<void>,
  options?: { readonly ca?: boolean },
) => void;

/** What each part of the contract gets. */
export interface Contract {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  readonly factory: HttpAdapterFactory;
  readonly trustsCa: boolean;
  readonly test: DefineTest;
}

/** Adds the test with a server to a runner. */
export function contractOf(runner: TestRunner, factory: HttpAdapterFactory, trustsCa: boolean): Contract {
  const describe: Contract['describe'] = (name, body) => void runner.describe(name, body);
  const it: Contract['it'] = (name, body) => void runner.it(name, body);
  const test: DefineTest = (name, makeServer, body, { ca = false } = {}) => {
    it(name, async () => {
      const server = await makeServer();
      const adapter = factory(ca ? { ca: (await testCertificates()).ca } : undefined);
      await withServer(server, (running) => withAdapter(adapter, () => body(adapter, running)));
    });
  };
  return { describe, it, factory, trustsCa, test };
}

/** Hands an adapter to `use`, and closes it. */
export async function withAdapter<A extends HttpAdapter>(
  adapter: A,
  use: (adapter: A) => Promise<void>,
): Promise<void> {
  try {
    await use(adapter);
  } finally {
    await adapter.close?.();
  }
}

/** The cap of {@link asking}. */
export const MAX_BYTES = 1000;

/** A request with a token and a secret in it. */
export function asking(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    url,
    headers: { authorization: 'Basic the-secret', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'token=the-token',
    timeoutMs: 5000,
    maxBytes: MAX_BYTES,
    ...changes,
  };
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { kind?: unknown }> {
  const error: unknown = await promise.then(
    () => assert.fail('There is an answer.'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error;
}

/** Why a promise rejects: the `kind` of its error. */
export const kindOf = async (promise: Promise<unknown>): Promise<unknown> => (await errorOf(promise)).kind;

/** The body of an answer as text. */
export const textOf = (response: HttpResponse): string => new TextDecoder().decode(response.body);
