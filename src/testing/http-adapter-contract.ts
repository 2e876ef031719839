import { answersContract } from './http-adapter-answers.ts';
import { failuresContract } from './http-adapter-failures.ts';
import { limitsContract } from './http-adapter-limits.ts';
import { contractOf, type HttpAdapterFactory } from './http-adapter-under-test.ts';
import type { TestRunner } from './test-runner.ts';

export type { HttpAdapterFactory };

/** What {@link httpAdapterContract} has to know of an adapter. */
export interface HttpAdapterContractOptions {
  /**
   * Whether the adapter can be told of a certificate authority. Where it cannot, what needs one is not described: that
   * a good certificate is taken, and a wrong name or an expired one refused. Default: true.
   */
  readonly trustsCa?: boolean;
}

/**
 * Tests that an HTTP adapter keeps the contract: answers of all sorts, one deadline, the size, compression, redirects,
 * TLS, and errors that tell nothing. Call it in a test file.
 *
 * It starts servers on 127.0.0.1 and asks one name that does not resolve; their certificates are made by the package
 * selfsigned. It does not test how connections are kept, nor proxies.
 *
 * @example
 * {@includeCode ../../examples/testing/node-test/contracts.test.ts#http}
 *
 * @param runner `describe` and `it` of any test runner.
 * @param factory Makes the adapter, for each test anew. `ca` (PEM) is to be trusted besides the system's authorities.
 *
 * @category Extend
 */
export function httpAdapterContract(
  runner: TestRunner,
  factory: HttpAdapterFactory,
  { trustsCa = true }: HttpAdapterContractOptions = {},
): void {
  const contract = contractOf(runner, factory, trustsCa);
  answersContract(contract);
  limitsContract(contract);
  failuresContract(contract);
}
