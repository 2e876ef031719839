import { isResourceServerError } from '../../errors.ts';

/** Why something failed, in words without secrets: ours say so themselves, of others only the name and code are told. */
export function explain(error: unknown): string {
  if (isResourceServerError(error)) return error.message;
  if (!(error instanceof Error)) return `a ${typeof error} was thrown`;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? `${error.name} (${code})` : error.name;
}
