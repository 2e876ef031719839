import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from './exit-code.ts';

/**
 * Writes a file that only its owner may read. What is there already is never overwritten, unless `replace` says so: then the
 * new one takes its place whole, so that nothing is lost when the disk is full.
 *
 * @throws UsageError saying what keeps the file from being written
 */
export function writePrivateFile(file: string, text: string, option: string, { replace = false } = {}): void {
  const path = replace ? `${file}.${String(process.pid)}.new` : file;
  try {
    // The mode is narrowed by the umask only, never widened.
    const descriptor = openSync(path, 'wx', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (replace) renameSync(path, file);
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new UsageError(`${option}: ${path} is there already and is not overwritten.`);
    if (replace) rmSync(path, { force: true });
    throw new UsageError(`${option}: ${path} cannot be written (${code}).`);
  }
}
