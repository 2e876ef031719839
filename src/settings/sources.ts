import { readFileSync, statSync } from 'node:fs';

import { Secret } from '../secret.ts';
import { isEmptyWord } from './formats.ts';

/** What one source says about a setting: a value, or what is wrong (`is blank`); `undefined` when it says nothing. */
export type Given = { readonly value: unknown } | { readonly problem: string } | undefined;

/** How a setting may be given. */
export interface Accepts {
  /** Whether `X_FILE` may name a file that holds the value. */
  readonly file: boolean;
  /** Whether a blank value in the environment is a mistake, or the same as none. */
  readonly refusesBlank: boolean;
}

const MAX_FILE_BYTES = 64 * 1024;

/** Reads a setting from the environment, where everything is text and a blank often stands for nothing. */
export function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  accepts: Accepts,
): Given {
  const value = env[name];
  const path = accepts.file ? notBlank(env[`${name}_FILE`]) : undefined;
  const keepsBlank = accepts.refusesBlank && path === undefined;
  return given(name, keepsBlank ? value : notBlank(value), path);
}

/** Reads a setting from what the caller passes. A blank there was meant, and is judged like any value. */
export function fromOptions(
  options: Readonly<Record<string, unknown>>,
  name: string,
  accepts: Accepts,
): Given {
  return given(name, options[name], accepts.file ? options[`${name}_FILE`] : undefined);
}

function notBlank(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}

function given(name: string, value: unknown, path: unknown): Given {
  if (path === undefined) return value === undefined ? undefined : checked(value);
  if (value !== undefined) return { problem: `and ${name}_FILE are both set, and one of them is too many` };
  return fromFile(name, path);
}

function checked(value: unknown): Given {
  const plain = value instanceof Secret ? value.reveal() : value;
  if (isEmptyWord(plain))
    return {
      problem: `is the text "${String(plain).trim()}", so something that should have filled it in did not`,
    };
  if (plain === null) return { problem: 'is null; leave it out where it is not set' };
  // Anything else would be taken apart by convict.
  if (typeof plain === 'object' && !Array.isArray(plain)) return { problem: 'is an object' };
  return { value: plain };
}

function fromFile(name: string, path: unknown): Given {
  const file = `comes from ${name}_FILE, and that file`;
  if (typeof path !== 'string' || path.trim() === '')
    return { problem: `comes from ${name}_FILE, which is no path` };
  const shown = showPath(path);
  let content: string;
  try {
    const status = statSync(path);
    if (!status.isFile()) return { problem: `${file} is not a regular file${shown}` };
    if (status.size > MAX_FILE_BYTES) return { problem: `${file} is larger than 64 KB${shown}` };
    content = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return { problem: `${file} cannot be read (${code})${shown}` };
  }
  const value = content.replace(/\r?\n$/, '');
  if (value.trim() === '') return { problem: `${file} is blank${shown}` };
  return checked(value);
}

/** Shows what is plainly a path. Anything else may be the secret itself, put where its path belongs. */
function showPath(path: string): string {
  return /^(?:\.{0,2}\/|[A-Za-z]:\\)[ -~]{1,200}$/.test(path) ? `: ${path}` : '';
}
