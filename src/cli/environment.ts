import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { UsageError } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** What every command takes that reads the settings. */
export interface SettingsFlags {
  /** Files of `NAME=value` lines, read in this order; the process's own environment wins over them. */
  readonly envFile?: readonly string[];
  /** Modules to import first, such as the one that registers the application's backend. */
  readonly import?: readonly string[];
  readonly json?: boolean;
}

/** The environment, with what `--env-file` adds to it. As with Node's own option, the environment wins. */
export function readEnvironment(
  terminal: Pick<Terminal, 'env'>,
  files: readonly string[] = [],
): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = {};
  for (const file of files) Object.assign(environment, parseEnv(readTextFile(file, '--env-file')));
  return { ...environment, ...terminal.env };
}

/** Imports the modules of `--import`: a path from the working directory, or a package. */
export async function importModules(modules: readonly string[] = []): Promise<void> {
  for (const module of modules) {
    const isPath = /^(\.{1,2})?\//.test(module);
    try {
      await import(isPath ? pathToFileURL(resolve(module)).href : module);
    } catch (error) {
      const name = error instanceof Error ? error.name : typeof error;
      throw new UsageError(`--import: ${module} cannot be imported (${name}).`);
    }
  }
}

/** Reads a file that an option names; whatever keeps it from being read is the caller's to mend. */
export function readTextFile(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    throw new UsageError(`${option}: ${file} cannot be read (${code}).`);
  }
}
