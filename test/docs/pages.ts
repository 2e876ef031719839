import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A fenced block of a page. */
export interface Fence {
  /** `ts`, `env`, … */
  readonly language: string;
  /** What the HTML comment right before the block says: `example: examples/express.ts`. Empty without one. */
  readonly note: string;
  readonly content: string;
  readonly line: number;
}

/** A page of the manual. */
export interface Page {
  /** Its path below the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
  /** The text without fenced blocks, line by line. */
  readonly prose: string;
}

const FENCE = /(?:^ *<!-- ([^\n]*?) -->\n\s*?\n?)?^( *)```(\w*)\n(.*?)^ *```$/gms;

function readPage(path: string): Page {
  const text = readFileSync(ROOT + path, 'utf8');
  const fences = [...text.matchAll(FENCE)].map((match) => {
    const [whole, note = '', indent = '', language = '', body = ''] = match;
    const content = body.replace(new RegExp(`^${indent}`, 'gm'), '');
    const start = match.index + whole.indexOf('```');
    return { language, note, content, line: text.slice(0, start).split('\n').length };
  });
  return { path, text, fences, prose: text.replace(FENCE, '') };
}

/** Every page: those at the root and all below `docs/`, but not the site that TypeDoc makes. */
export const PAGES: readonly Page[] = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.startsWith('reference/api'))
    .map((path) => `docs/${path}`),
]
  .sort()
  .map(readPage);

export function pageAt(path: string): Page {
  const page = PAGES.find((candidate) => candidate.path === path);
  if (page === undefined) throw new Error(`There is no page ${path}`);
  return page;
}

/** The code that a fence must show, by its note: a whole example, or the region of it after the `#`. */
export function exampleCode(note: string): string {
  const [, path = '', region] = /^example: (examples\/[\w./-]+\.ts)(?:#([\w-]+))?$/.exec(note) ?? [];
  if (path === '' || !existsSync(ROOT + path)) throw new Error(`"${note}" names no example`);
  const code = readFileSync(ROOT + path, 'utf8');
  if (region === undefined) return code.replace(/^ *\/\/ #(?:end)?region .*\n/gm, '');
  const [, body] =
    new RegExp(`^ *// #region ${region}\n(.*?)^ *// #endregion ${region}$`, 'ms').exec(code) ?? [];
  if (body === undefined) throw new Error(`${path} has no region ${region}`);
  return body;
}

/** The page with every example in it as it is now. */
export function withExamples(page: Page): string {
  return page.text.replace(FENCE, (whole: string, note: string | undefined) =>
    note?.startsWith('example: ') === true
      ? whole.replace(/```ts\n.*```$/s, () => `\`\`\`ts\n${exampleCode(note)}\`\`\``)
      : whole,
  );
}

/** The anchors of a page, as GitHub makes them of its headings. */
export function anchorsOf(page: Page): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...page.prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set(anchors);
}

/** The code words in the first column of the table below a heading. */
export function tableBelow(page: Page, heading: string): string[] {
  const section = page.text.split(/^(?=#{2,3} )/m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${page.path} has no heading ${heading}`);
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, word = '']) => word);
}
