import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, PAGES, pageAt, ROOT, type Page } from './pages.ts';

interface Link {
  readonly from: string;
  readonly target: string;
}

function linksOf(page: Page): Link[] {
  const prose = page.prose.replace(/`[^`]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ from: page.path, target }));
}

const LINKS = PAGES.flatMap(linksOf).filter(({ target }) => !/^https?:/.test(target));

function problemOf({ from, target }: Link): string | undefined {
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? from : normalize(join(dirname(from), path));
  if (!existsSync(ROOT + file)) return `${from}: ${target} does not exist`;
  // TypeDoc takes files only.
  if (!statSync(ROOT + file).isFile()) return undefined;
  if (anchor === undefined || !file.endsWith('.md')) return undefined;
  return anchorsOf(pageAt(file)).has(anchor) ? undefined : `${from}: ${target} has no such heading`;
}

describe('links', () => {
  it('there are many', () => {
    expect(LINKS.length).toBeGreaterThan(30);
  });

  it('lead to a file, and to a heading in it', () => {
    expect(LINKS.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
  });

  it('lead from the index to every page, directly or by way of another page', () => {
    const reached = new Set(['docs/README.md', 'README.md']);
    for (const from of reached) {
      for (const { target } of LINKS.filter((link) => link.from === from)) {
        const [path = ''] = target.split('#');
        const file = normalize(join(dirname(from), path));
        if (path !== '' && file.endsWith('.md')) reached.add(file);
      }
    }
    expect(PAGES.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });

  it('lead to every decision from their index', () => {
    const decisions = PAGES.map(({ path }) => path).filter((path) => /^docs\/decisions\/\d/.test(path));
    expect(decisions.length).toBeGreaterThan(0);
    const listed = linksOf(pageAt('docs/decisions/README.md')).map(
      ({ target }) => `docs/decisions/${target}`,
    );
    expect(listed.sort()).toEqual(decisions);
  });
});

describe('the pages', () => {
  // What only exists on somebody's own machine, or in somebody's own network.
  it.each([
    ['a package registry', /\bregistry\.[\w-]+|npmmirror|artifactory|--registry/i],
    ['a path of a machine', /(?<![\w.])\/(?:work|tmp|root|home|Users)\//],
  ])('never name %s', (_, pattern) => {
    expect(PAGES.filter(({ text }) => pattern.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('each have one title', () => {
    const titles = PAGES.map(({ path, prose }) => [path, prose.match(/^# .+$/gm)?.length]);
    expect(titles.filter(([, count]) => count !== 1)).toEqual([]);
  });
});
