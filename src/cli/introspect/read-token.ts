import { readFileSync } from 'node:fs';
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
  if (argument !== undefined && file !== undefined) {
    terminal.err('--token-file is not read, since there is an argument.');
  }
  if (argument !== undefined && argument !== '-') {
    terminal.err(
      "A token given as an argument stays in the shell's history, and everybody on this machine sees it while the " +
        'command runs: pass it by --token-file or standard input.',
    );
    return bare(argument, terminal);
  }
  const source = argument ?? file ?? '-';
  if (source !== '-') return bare(readTokenFile(source), terminal);
  if (terminal.interactive) terminal.err('Paste the access token, press Enter, and then Ctrl-D:');
  return bare(await terminal.readInput(), terminal);
}

function readTokenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    // What was given is not repeated: it may be the token itself.
    throw new UsageError(`--token-file takes the name of a file, and that file cannot be read (${code}).`);
  }
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
