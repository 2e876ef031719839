import { runCommand } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

/** What a command wrote and ended with. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `oidc-rs` in this process, with an environment of its own and nothing else in it. */
export async function oidcRs(
  args: readonly string[],
  {
    env = {},
    input = '',
    colours = false,
    interactive = false,
  }: {
    env?: Readonly<Record<string, string | undefined>>;
    input?: string;
    colours?: boolean;
    interactive?: boolean;
  } = {},
): Promise<CommandRun> {
  const written = { out: '', err: '' };
  const terminal: Terminal = {
    env,
    colours,
    interactive,
    out: (line) => void (written.out += `${line}\n`),
    err: (line) => void (written.err += `${line}\n`),
    readInput: () => Promise.resolve(input),
  };
  return { code: await runCommand(args, terminal), ...written };
}
