import { type ExitCode, UsageError } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export function keygen(_options: object, _terminal: Terminal): Promise<ExitCode> {
  throw new UsageError('not yet');
}
