import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PAGES, ROOT } from './pages.ts';

/** Who runs the commands that the pages show, and a word by which that file shows that it does. */
const RUN: [commands: RegExp, by: string, shown: string][] = [
  [/^npm ci( && npm (run demo|test))?$|^npm run (check|demo)/, '.ci/run', 'npm run check'],
  [/^(npm (init|pkg|install)|mkdir) /, 'scripts/walk-through.ts', 'mkdir|npm'],
  [/^(npx tsx|node) --env-file=\.env server\.ts/, 'scripts/walk-through.ts', '--env-file'],
  [/^curl .*\/(me|jwks)\b/, 'scripts/walk-through.ts', 'curl '],
  [/^(openssl |cat new\.pem)/, 'test/docs/settings.test.ts', 'execFileSync'],
];

const COMMANDS = PAGES.flatMap(({ path, fences }) =>
  fences
    .filter(({ language }) => /^(?:sh|bash|console|shell)$/.test(language))
    .flatMap(({ content }) => content.split('\n'))
    .map((line) => ({ path, command: line.replace(/ +#.*$/, '').trim() }))
    .filter(({ command }) => command !== ''),
);

describe('every command in the pages', () => {
  it('is in a block of sh', () => {
    const languages = new Set(PAGES.flatMap(({ fences }) => fences.map(({ language }) => language)));
    expect([...languages].filter((language) => /^(?:bash|console|shell|zsh)?$/.test(language))).toEqual([]);
    expect(COMMANDS.length).toBeGreaterThan(20);
  });

  it('is run by somebody', () => {
    const strays = COMMANDS.filter(({ command }) => !RUN.some(([pattern]) => pattern.test(command)));
    expect(strays).toEqual([]);
  });

  it.each(RUN)('%s is run by %s', (_, file, word) => {
    expect(readFileSync(ROOT + file, 'utf8')).toContain(word);
  });
});
