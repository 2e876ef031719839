import { type Token, tokensOf } from './python-tokens.ts';

/** What stands on the right of `NAME =` in a settings module, as far as it can be told without running Python. */
export type PythonValue =
  | { readonly kind: 'literal'; readonly value: unknown }
  /** The environment decides, under this name; `fallback` is what the module says besides. */
  | { readonly kind: 'environment'; readonly variable: string; readonly fallback: unknown }
  | { readonly kind: 'unreadable' };

const UNREADABLE: PythonValue = { kind: 'unreadable' };
const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null],
]);
const CLOSING: ReadonlyMap<string, string> = new Map([
  ['[', ']'],
  ['(', ')'],
  ['{', '}'],
]);
// django-configurations and django-lasuite: `values.ListValue(…)`.
const CONFIGURATIONS = /^(?:values\.)?\w*Value$/;
// The standard library, django-environ and python-decouple.
const ENVIRONMENT = /^(?:env(?:\.\w+)?|(?:os\.)?environ\.get|(?:os\.)?getenv|config)$/;

/** Thrown where it takes Python to go on. */
class NotALiteral extends Error {}

/** Reads an expression: literals, and the usual ways to take the setting `name` from the environment. */
export function readPythonValue(name: string, source: string): PythonValue {
  const tokens = tokensOf(source);
  if (tokens === undefined) return UNREADABLE;
  try {
    const reader = new Reader(tokens);
    const value = reader.callOf(name) ?? { kind: 'literal', value: reader.literal() };
    return reader.atEnd ? value : UNREADABLE;
  } catch (error) {
    if (error instanceof NotALiteral) return UNREADABLE;
    throw error;
  }
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  /** A call that reads the environment for the setting; `undefined` where there is no call. */
  callOf(setting: string): PythonValue | undefined {
    const [callee] = this.#tokens;
    if (callee?.kind !== 'name' || CONSTANTS.has(callee.text)) return undefined;
    this.#at++;
    const isConfigurations = CONFIGURATIONS.test(callee.text);
    if (!(isConfigurations || ENVIRONMENT.test(callee.text)) || !this.#takes('(')) throw new NotALiteral();
    const given: unknown[] = [];
    const named = new Map<string, unknown>();
    this.#each(')', () => {
      const token = this.#tokens[this.#at];
      if (token?.kind === 'name' && this.#tokens[this.#at + 1]?.text === '=') {
        this.#at += 2;
        // `cast=bool` and the like are of no use here, and no reason to give up.
        if (!this.#skipsName()) named.set(token.text, this.literal());
      } else given.push(this.literal());
    });
    return isConfigurations ? configurationsValue(setting, given, named) : environmentValue(given, named);
  }

  literal(): unknown {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'string') {
      // Strings that stand side by side are one.
      let { text } = token;
      for (; this.#tokens[this.#at]?.kind === 'string'; this.#at++)
        text += this.#tokens[this.#at]?.text ?? '';
      return text;
    }
    if (token?.kind === 'number') return Number(token.text);
    if (token?.kind === 'name' && CONSTANTS.has(token.text)) return CONSTANTS.get(token.text);
    if (token?.kind === 'mark' && token.text === '{') return this.#dictionary();
    const closing = token?.kind === 'mark' ? CLOSING.get(token.text) : undefined;
    if (closing === undefined) throw new NotALiteral();
    const items: unknown[] = [];
    const commas = this.#each(closing, () => items.push(this.literal()));
    // Brackets around one value are not a tuple.
    return closing === ')' && commas === 0 && items.length === 1 ? items[0] : items;
  }

  #dictionary(): unknown {
    const entries: [string, unknown][] = [];
    this.#each('}', () => {
      const key = String(this.literal());
      if (!this.#takes(':')) throw new NotALiteral();
      entries.push([key, this.literal()]);
    });
    return Object.fromEntries(entries);
  }

  /** Reads what stands between commas up to the closing bracket; returns how many commas there were. */
  #each(closing: string, read: () => void): number {
    let commas = 0;
    while (!this.#takes(closing)) {
      read();
      if (this.#takes(',')) commas++;
      else if (this.#tokens[this.#at]?.text !== closing) throw new NotALiteral();
    }
    return commas;
  }

  #skipsName(): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'name' || CONSTANTS.has(token.text)) return false;
    this.#at++;
    return true;
  }

  #takes(mark: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'mark' || token.text !== mark) return false;
    this.#at++;
    return true;
  }
}

// `values.Value(default, environ=True, environ_name=None, environ_prefix='DJANGO')`
function configurationsValue(
  setting: string,
  [first]: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): PythonValue {
  const fallback = first ?? named.get('default') ?? null;
  if (named.get('environ') === false) return { kind: 'literal', value: fallback };
  const prefix = named.has('environ_prefix') ? named.get('environ_prefix') : 'DJANGO';
  const variable = [prefix, named.get('environ_name') ?? setting].filter(Boolean).join('_');
  return { kind: 'environment', variable, fallback };
}

// `os.environ.get(name, default)`, `env(name, default=…)`
function environmentValue(
  [variable, second]: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): PythonValue {
  if (typeof variable !== 'string') return UNREADABLE;
  return { kind: 'environment', variable, fallback: second ?? named.get('default') ?? null };
}
