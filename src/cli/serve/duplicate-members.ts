const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * The member names that an object of a JSON text has twice, in any of its objects. `JSON.parse` keeps the last one and
 * says nothing.
 *
 * @param text What `JSON.parse` takes.
 */
export function duplicateMembers(text: string): string[] {
  const duplicates: string[] = [];
  /** The names so far of every object that is open; `undefined` for a list. */
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const name = JSON.parse(last) as string;
      const names = open.at(-1);
      if (names?.has(name)) duplicates.push(name);
      names?.add(name);
    }
    last = token;
  }
  return duplicates;
}
