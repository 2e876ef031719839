import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Page, pageAt, ROOT } from './pages.ts';

const STEPS = ['extractAccessToken', 'getClaims', 'verifyPossession', 'verifyClaims', 'getOrCreateUser'];
const source = (path: string): string => readFileSync(`${ROOT}src/${path}`, 'utf8');
const page = pageAt('docs/architecture.md');

/** The drawing of the way of a token: the first block of text that has the first step in it. */
function wayOfAToken({ fences, path }: Page): string {
  const drawing = fences.find(({ content }) => content.includes('extractAccessToken'));
  if (drawing === undefined) throw new Error(`${path} draws no way of a token`);
  return drawing.content;
}

/** The files that a drawing names, with or without their ending; a folder ends in `/*`. */
function filesIn(drawing: string): string[] {
  return [...drawing.matchAll(/\b[\w-]+\/[\w*-]+(?:\.ts)?|\b[\w-]+\.ts\b/g)].map(([file]) => file);
}

function importsOf(path: string): string[] {
  return [...source(path).matchAll(/from '(\.[^']+)'/g)].map(([, target = '']) =>
    new URL(target, `file:///${path}`).pathname.slice(1),
  );
}

// The drawing of the layers is made from the imports: scripts/architecture.mjs, which `npm run check` runs.
describe('the drawing of the way of a token', () => {
  const drawing = wayOfAToken(page);

  it.each([page, pageAt('README.md')])('has the five steps in their order, in $path', (drawn) => {
    const steps = [...wayOfAToken(drawn).matchAll(/\b[1-5] +(\w+)/g)].map(([, step]) => step);
    expect(steps).toEqual(STEPS);
  });

  it('has them in the order of the authenticator', () => {
    const code = source('authentication/authenticator.ts').split('\n  authenticate(')[1] ?? '';
    const places = STEPS.map((step) => code.indexOf(`${step}(`));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('names files that exist', () => {
    const files = filesIn(drawing);
    expect(files.length).toBeGreaterThan(10);
    const missing = files.filter((file) => {
      const path = `${ROOT}src/${file.replace(/\/\*$/, '')}`;
      return !existsSync(path) && !existsSync(`${path}.ts`);
    });
    expect(missing).toEqual([]);
  });

  it('goes where the imports go', () => {
    expect(importsOf('composition.ts')).toEqual(
      expect.arrayContaining(['authentication/authenticator.ts', 'authentication/challenge.ts']),
    );
    expect(importsOf('authentication/authenticator.ts')).toEqual(
      expect.arrayContaining([
        'authentication/token-extractor.ts',
        'authentication/possession.ts',
        'authentication/refusal-log.ts',
        'backend/resource-server-backend.ts',
        'constraint/sender-constraint.ts',
        'user/user-store.ts',
      ]),
    );
    expect(importsOf('backend/resource-server-backend.ts')).toEqual(
      expect.arrayContaining(['authorization-server/userinfo.ts', 'user/user-store.ts']),
    );
  });
});
