import { readTextFile } from '../environment.ts';
import { UsageError } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

const PREFIX = /^(?:authorization: *)?bearer +/i;

/**
 * Reads the token: the argument, else the file, else standard input; `-` is standard input for both.
 *
 * @throws UsageError when there is none
 */
export async function readToken(
  argument: string | undefined,
  file: string | undefined,
  terminal: Terminal,
): Promise<string> {
  if (argument !== undefined && argument !== '-') {
    terminal.err(
      "A token given as an argument stays in the shell's history, and everybody on this machine sees it while the " +
        'command runs: pass it by --token-file or standard input.',
    );
    if (file !== undefined)
      terminal.err('--token-file is not read, since the token is given as an argument.');
    return bare(argument, terminal);
  }
  if (argument === undefined && file !== undefined && file !== '-') {
    return bare(readTextFile(file, '--token-file'), terminal);
  }
  if (terminal.interactive) terminal.err('Paste the access token, and press Enter and then Ctrl-D:');
  return bare(await terminal.readInput(), terminal);
}

/** The token alone. Whatever else is wrong with it is left as it is, for the first step to find. */
function bare(written: string, terminal: Terminal): string {
  const line = written.replace(/\r?\n$/, '');
  const token = line.replace(PREFIX, '');
  if (token.trim() === '') {
    throw new UsageError(
      'There is no token. Pass one by standard input or --token-file <file>, or as the argument.',
    );
  }
  if (token !== line) terminal.err('"Bearer " in front of the token is left out.');
  return token;
}
