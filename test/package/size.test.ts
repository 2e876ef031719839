import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtPackage, ROOT, WITH_BUILD_MS } from './built-package.ts';

const README = join(ROOT, 'README.md');
const ROW = /^\| of it this package's own code +\| +(\d+) \| +(\d+) \|$/m;

function checkSizes(page: string, ...args: string[]): { status: number | null; said: string } {
  const script = join(ROOT, 'scripts/package-size.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, `--readme=${page}`, ...args], {
    encoding: 'utf8',
    timeout: WITH_BUILD_MS,
  });
  return { status, said: stdout + stderr };
}

describe('the table of sizes', { timeout: WITH_BUILD_MS }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'size-'));
    builtPackage();
  }, WITH_BUILD_MS);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** A copy of README.md whose last row is changed by a factor. */
  function changed(name: string, factor: number): string {
    const page = join(folder, name);
    const text = readFileSync(README, 'utf8').replace(ROW, (row, plain: string) =>
      row.replace(` ${plain} |`, ` ${Math.round(Number(plain) * factor)} |`),
    );
    writeFileSync(page, text);
    return page;
  }

  it('in README.md is true', () => {
    // Or else: node scripts/package-size.mjs --write
    expect(checkSizes(README)).toEqual({ status: 0, said: 'Sizes: 4 rows of the table are true.\n' });
  });

  it.each([
    ['too small', 0.85],
    ['too large', 1.15],
  ])('is refused where a number is %s, and it is said how to mend it', (_, factor) => {
    const { status, said } = checkSizes(changed(`${factor}.md`, factor));
    expect(status).toBe(1);
    expect(said).toMatch(/^- of it this package's own code: \d+ kB, and the table says \d+$/m);
    expect(said).toContain('node scripts/package-size.mjs --write');
  });

  it('is mended by --write, which leaves the rest of the page alone', () => {
    const page = changed('write.md', 2);
    expect(checkSizes(page, '--write').status).toBe(0);
    expect(checkSizes(page).status).toBe(0);
    const withoutTables = (path: string): string => readFileSync(path, 'utf8').replace(/^\|.*\n/gm, '');
    expect(withoutTables(page)).toBe(withoutTables(README));
  });
});
