import { answersContract } from './contract-answers.ts';
import { failuresContract } from './contract-failures.ts';
import { limitsContract } from './contract-limits.ts';
import { contractOf, type HttpAdapterFactory, type TestRunner } from './contract-support.ts';

/**
 * What every `HttpAdapter` must do, as tests for any runner. It starts servers on 127.0.0.1.
 *
 * Set `trustsCa: false` for an adapter that cannot be told of an authority: what needs one is left out then.
 */
export function httpAdapterContract(
  runner: TestRunner,
  factory: HttpAdapterFactory,
  { trustsCa = true }: { trustsCa?: boolean } = {},
): void {
  const contract = contractOf(runner, factory, trustsCa);
  answersContract(contract);
  limitsContract(contract);
  failuresContract(contract);
}
