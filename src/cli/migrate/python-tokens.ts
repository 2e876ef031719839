/** One piece of a Python expression; a string's escapes are resolved. */
export interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'mark';
  readonly text: string;
}

const STRING =
  /(?<prefix>[a-z]{0,2})(?<quote>"""|'''|"|')(?<body>(?:\\[\s\S]|(?!\k<quote>)[^\\])*)\k<quote>/iy;
const NUMBER = /-?\d[\d_]*(?:\.\d+)?(?![\w.])/y;
const NAME = /[a-z_][\w.]*/iy;
const MARK = /[\][(){},:=]/y;
const NOTHING = /(?:\s|\\\n|#[^\n]*)+/y;

/** Takes an expression apart; `undefined` where it has something that only Python understands. */
export function tokensOf(source: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (take(NOTHING); at < source.length; take(NOTHING)) {
    const string = take(STRING)?.groups;
    if (string) {
      const { prefix = '', body = '', quote = '' } = string;
      // What an f-string says only Python knows; and a line break within simple quotes is an error.
      if (/[^ru]/i.test(prefix) || (quote.length === 1 && /(?<!\\)\n/.test(body))) return undefined;
      tokens.push({ kind: 'string', text: /r/i.test(prefix) ? body : withoutEscapes(body) });
      continue;
    }
    const number = take(NUMBER)?.[0];
    const name = number === undefined ? take(NAME)?.[0] : undefined;
    const mark = number === undefined && name === undefined ? take(MARK)?.[0] : undefined;
    if (number !== undefined) tokens.push({ kind: 'number', text: number.replaceAll('_', '') });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark });
    else return undefined;
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\n': '' };

function withoutEscapes(body: string): string {
  return body.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([\\'"nrt\n]))/gi,
    (...found: (string | undefined)[]) => {
      const [, two, four, one = ''] = found;
      const code = two ?? four;
      return code === undefined ? (ESCAPES[one] ?? one) : String.fromCharCode(parseInt(code, 16));
    },
  );
}
