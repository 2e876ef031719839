/** How what is written in a setting becomes its value. */
export interface Format<T> {
  /** What a right value looks like, as in "must be …". */
  readonly description: string;
  /** Whether a blank value in the environment is a mistake. Elsewhere it means that the setting is not set. */
  readonly refusesBlank?: true;
  /** Reads a value. What it has returned it reads again to the same. @throws FormatError */
  read(value: unknown): T;
}

/** What is wrong with a value, without the value: `must be true or false`. */
export class FormatError extends Error {
  get value(): undefined {
    return undefined;
  }

  // convict puts the refused value here, to print it. It may hold a secret, so it goes nowhere.
  set value(_refused: unknown) {
    return;
  }
}

const EMPTY_WORDS: ReadonlySet<unknown> = new Set(['undefined', 'null', 'None']);

/** Whether a text is what a program wrote that had no value to write. */
export function isEmptyWord(value: unknown): boolean {
  return EMPTY_WORDS.has(typeof value === 'string' ? value.trim() : value);
}

const SWITCH_WORDS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  [false, false],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

/** True or false, in the spellings that people use in environments. */
export const trueOrFalse: Format<boolean> = {
  description: 'true or false (or 1, 0, yes, no, on, off)',
  read(value) {
    const found = SWITCH_WORDS.get(typeof value === 'string' ? value.trim().toLowerCase() : value);
    if (found === undefined) throw new FormatError(`must be ${this.description}`);
    return found;
  },
};

/** A number of seconds within bounds; `fractions` allows 0.5. */
export function seconds(least: number, most: number, fractions?: 'fractions'): Format<number> {
  const grammar = fractions ? /^\d{1,8}(\.\d{1,6})?$/ : /^\d{1,8}$/;
  const description = `a ${fractions ? '' : 'whole '}number of seconds from ${least} to ${most}`;
  return {
    description,
    read(value) {
      const written = typeof value === 'string' ? value.trim() : value;
      const number = typeof written === 'string' && grammar.test(written) ? Number(written) : written;
      const fits = typeof number === 'number' && number >= least && number <= most;
      if (!fits || !(fractions || Number.isInteger(number))) throw new FormatError(`must be ${description}`);
      return number;
    },
  };
}

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number): Format<number> {
  const description = `a whole number from ${least} to ${most}`;
  return {
    description,
    read(value) {
      const written = typeof value === 'string' ? value.trim() : value;
      const number = typeof written === 'string' && /^\d{1,12}$/.test(written) ? Number(written) : written;
      const fits = typeof number === 'number' && number >= least && number <= most;
      if (!fits || !Number.isInteger(number)) throw new FormatError(`must be ${description}`);
      return number;
    },
  };
}

/** One of several words, in exactly this spelling. */
export function choice<const T extends string>(...choices: readonly T[]): Format<T> {
  const description = `one of ${choices.join(', ')}`;
  return {
    description,
    read(value) {
      const written = typeof value === 'string' ? value.trim() : value;
      const chosen = choices.find((word) => word === written);
      if (chosen === undefined) throw new FormatError(`must be ${description}`);
      return chosen;
    },
  };
}

/** An algorithm by which the authorization server signs. None of them is symmetric. */
export const signingAlgorithm = choice(
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
);

function text(description: string, grammar: RegExp): Format<string> {
  return {
    description,
    read(value) {
      const written = typeof value === 'string' ? value.trim() : '';
      if (!grammar.test(written)) throw new FormatError(`must be ${description}`);
      return written;
    },
  };
}

/** The name of a claim or a resource. */
export const word = text('one word without blanks and quotation marks', /^[^\s\p{Cc}"'`]+$/u);

/** A path or a dotted name. */
export const line = text('one line without quotation marks', /^[^\p{Cc}"'`]+$/u);

/** The `client_id` of RFC 6749 appendix A.1. */
export const clientId = text(
  'printable ASCII characters, without quotation marks around them',
  /^(?!["'])[ -~]+(?<!["'])$/,
);

/** What may stand between the quotation marks of `realm="…"` as it is. */
export const realm = text('printable ASCII characters other than " and \\', /^[ !#-[\]-~]+$/);

/** A secret. Only blank is wrong; whatever else it is, it was given to us so. */
export const secretText: Format<string> = {
  description: 'text that is not blank',
  refusesBlank: true,
  read(value) {
    if (typeof value !== 'string') throw new FormatError('must be text');
    if (value.trim() === '') throw new FormatError('is blank');
    return value;
  },
};

const LIST = 'a list, separated by commas or blanks, or in the brackets of JSON or Python';

function splitList(written: string): unknown {
  const trimmed = written.trim();
  if (trimmed.startsWith('[') || trimmed.startsWith('(')) return readBrackets(trimmed);
  if (/["'[\](){}]/.test(trimmed))
    throw new FormatError(`has a bracket or quotation mark astray and must be ${LIST}`);
  return trimmed.split(/[\s,]+/).filter(Boolean);
}

function readBrackets(written: string): unknown {
  try {
    return JSON.parse(written) as unknown;
  } catch {
    // Not JSON: Python's spelling is left.
  }
  const malformed = new FormatError(`has malformed brackets and must be ${LIST}`);
  if (written.length < 2 || written.at(-1) !== (written.startsWith('[') ? ']' : ')')) throw malformed;
  const items: string[] = [];
  for (let rest = written.slice(1, -1).trim(); rest !== '';) {
    const item = /^(?:"([^"\\]*)"|'([^'\\]*)')\s*(?:,\s*|$)/.exec(rest);
    if (!item) throw malformed;
    items.push(item[1] ?? item[2] ?? '');
    rest = rest.slice(item[0].length);
  }
  return items;
}

function listOf(grammar: RegExp, itemDescription: string): Format<readonly string[]> {
  return {
    description: LIST,
    read(value) {
      const items: unknown = typeof value === 'string' ? splitList(value) : value;
      if (!Array.isArray(items)) throw new FormatError(`must be ${LIST}`);
      return items.map((item: unknown, index) => {
        if (typeof item === 'string' && grammar.test(item) && !isEmptyWord(item)) return item;
        throw new FormatError(`has an item (number ${index + 1}) that is not ${itemDescription}`);
      });
    },
  };
}

/** Any names, such as client ids. */
export const list = listOf(/^(?!\s)[^\p{Cc}]+(?<!\s)$/u, 'text, or is blank, or has blanks around it');

/** Scopes, each a scope-token of RFC 6749 section 3.3. */
export const scopes = listOf(/^[!#-[\]-~]+$/, 'a scope: ASCII characters without blanks, " and \\');

// The characters of RFC 3986. WHATWG's parser takes more, and mends what it takes.
const URL_CHARACTERS = /^https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/i;

function url(description: string, refused: RegExp, refusal: string): Format<string> {
  return {
    description,
    read(value) {
      const written = typeof value === 'string' ? value.trim() : '';
      if (!URL_CHARACTERS.test(written) || !URL.canParse(written))
        throw new FormatError(`must be ${description}`);
      if (refused.test(written)) throw new FormatError(refusal);
      return written;
    },
  };
}

/** A URL to send requests to. */
export const endpointUrl = url(
  'an https:// URL',
  /^[^/]+\/\/[^/?#]*@|#/,
  'must be a URL without user name, password and fragment',
);

/** An issuer, kept as it is written: it is compared character by character. */
export const issuerUrl = url(
  'an https:// URL',
  /^[^/]+\/\/[^/?#]*@|[?#]/,
  'must be a URL without user name, password, query and fragment',
);

/** The address of the authorization server as this machine reaches it. */
export const internalUrl = url(
  'an http:// or https:// URL',
  /^[^/]+\/\/[^/?#]*@|[?#]/,
  'must be a URL without user name, password, query and fragment',
);

/** A proxy. User name and password are welcome. */
export const proxyUrl = url(
  'an http:// or https:// URL',
  /^[^/]+\/\/[^/?#]*[/?#]./,
  'must be a URL without path, query and fragment',
);

/** A Redis or Valkey. User name and password are welcome. */
export const redisUrl: Format<string> = {
  description: 'a redis:// or rediss:// URL',
  read(value) {
    const written = typeof value === 'string' ? value.trim() : '';
    if (!/^(?:redis|valkey)s?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/i.test(written) || !URL.canParse(written))
      throw new FormatError(`must be ${this.description}`);
    return written.replace(/^valkey/i, 'redis');
  },
};

/** Whether requests to this URL travel unencrypted to another machine. */
export function isPlainHttp(written: string): boolean {
  const { protocol, hostname } = new URL(written);
  return protocol === 'http:' && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
