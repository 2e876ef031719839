import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import type { HttpAdapter, HttpRequest, HttpResponse } from '../../src/http/http-adapter.ts';
import { testCertificates } from '../support/certificates.ts';
import { type TestServer, withServer } from './servers.ts';

/** The two functions that every test runner has. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** Makes the adapter under test. `ca` (PEM) is to be trusted besides the authorities of the system. */
export type HttpAdapterFactory = (options?: { ca?: string }) => HttpAdapter;

/** Defines a test with a server and an adapter, which are closed after it. `ca`: the adapter knows the authority. */
export type DefineTest = (
  name: string,
  makeServer: () => Server,
  body: (adapter: HttpAdapter, server: TestServer) => Promise<void>,
  options?: { readonly ca?: boolean },
) => void;

/** What each part of the contract gets. */
export interface Contract extends TestRunner {
  readonly factory: HttpAdapterFactory;
  readonly trustsCa: boolean;
  readonly test: DefineTest;
}

/** Adds the test with a server to a runner. */
export function contractOf(runner: TestRunner, factory: HttpAdapterFactory, trustsCa: boolean): Contract {
  const test: DefineTest = (name, makeServer, body, { ca = false } = {}) => {
    runner.it(name, () =>
      withServer(makeServer(), (server) =>
        withAdapter(factory(ca ? { ca: testCertificates().ca } : undefined), (adapter) =>
          body(adapter, server),
        ),
      ),
    );
  };
  return { describe: runner.describe, it: runner.it, factory, trustsCa, test };
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
