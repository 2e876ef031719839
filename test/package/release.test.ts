import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SCRIPT = join(ROOT, 'scripts/package-release.mjs');
const WORKFLOWS = join(ROOT, '.github/workflows');
const CHANGELOG = '# Changelog\n\n## [1.2.3] - 2026-01-31\n\n### Added\n\n- All.\n';

interface Job {
  readonly permissions?: Record<string, string>;
  readonly needs?: string;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}
interface Workflow {
  readonly on: { readonly push: { readonly tags?: readonly string[] } };
  readonly permissions: Record<string, string>;
  readonly jobs: Record<string, Job>;
}

const workflow = (name: string): Workflow => parse(readFileSync(join(WORKFLOWS, name), 'utf8')) as Workflow;
const commandsOf = (job: Job | undefined): string => job?.steps.map(({ run }) => run ?? '').join('\n') ?? '';

describe('what has to be true before a version is published', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function release(tag: string, changelog: string, manifest: object = {}, repository = ''): [number, string] {
    const root = mkdtempSync(join(tmpdir(), 'release-'));
    folders.push(root);
    writeFileSync(
      join(root, 'package.json'),
      JSON.stringify({ name: 'example', version: '1.2.3', ...manifest }),
    );
    writeFileSync(join(root, 'CHANGELOG.md'), changelog);
    const env = { ...process.env, GITHUB_REPOSITORY: repository };
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, `--root=${root}`, tag], {
      env,
      encoding: 'utf8',
    });
    return [status ?? -1, stdout + stderr];
  }

  it('lets a version through that has its tag and its section', () => {
    expect(release('v1.2.3', CHANGELOG)).toEqual([0, 'example 1.2.3 may be published.\n']);
  });

  it.each([
    ['another version', 'v1.2.4'],
    ['a longer version', 'v1.2.30'],
    ['no "v"', '1.2.3'],
    ['nothing', ''],
  ])('refuses a tag with %s', (_, tag) => {
    const [status, said] = release(tag, CHANGELOG);
    expect([status, said]).toEqual([1, expect.stringContaining(`The tag is "${tag}"`)]);
  });

  it.each([
    [
      'without the section',
      '# Changelog\n\n## [1.2.30] - 2026-01-31\n\n- All.\n',
      'has no section "## [1.2.3]',
    ],
    ['without a date', CHANGELOG.replace('2026-01-31', 'Unreleased'), 'does not end in a date'],
    [
      'with an empty section',
      '## [1.2.3] - 2026-01-31\n\n## [1.2.2] - 2026-01-30\n\n- All.\n',
      'says nothing',
    ],
  ])('refuses a changelog %s', (_, changelog, problem) => {
    expect(release('v1.2.3', changelog)).toEqual([1, expect.stringContaining(problem)]);
  });

  it.each([
    ['none', {}, 1],
    ["another's", { repository: { url: 'git+https://github.com/other/example.git' } }, 1],
    ['one whose name ends alike', { repository: { url: 'git+https://github.com/x/not-us/example.git' } }, 1],
    ['ours', { repository: { type: 'git', url: 'git+https://github.com/us/example.git' } }, 0],
    ['ours in short', { repository: 'github:us/example' }, 0],
  ])('on the repository us/example, with %s in package.json', (_, manifest, expected) => {
    expect(release('v1.2.3', CHANGELOG, manifest, 'us/example')[0]).toBe(expected);
  });
});

describe('the workflows', () => {
  const files = readdirSync(WORKFLOWS);

  it('are there', () => {
    expect(files.sort()).toEqual(['ci.yml', 'release.yml']);
  });

  it.each(files)('%s ends in time, and takes actions by their major version', (file) => {
    for (const job of Object.values(workflow(file).jobs)) {
      expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
      for (const { uses } of job.steps) expect(uses ?? 'actions/none@v1').toMatch(/^actions\/[\w-]+@v\d+$/);
    }
  });

  it.each(files)('%s names no registry and no secret', (file) => {
    expect(readFileSync(join(WORKFLOWS, file), 'utf8')).not.toMatch(/registry|secrets\.|token:\s*\$/i);
  });

  it('run the same checks as everybody', () => {
    expect(commandsOf(workflow('ci.yml').jobs.check)).toBe('\n\n.ci/run');
    expect(workflow('ci.yml').permissions).toEqual({ contents: 'read' });
  });

  it('publish what is tagged, after all checks, with provenance and least permissions (X8)', () => {
    const { on, permissions, jobs } = workflow('release.yml');
    expect(on).toEqual({ push: { tags: ['v*'] } });
    expect(permissions).toEqual({});
    expect(Object.keys(jobs)).toEqual(['check', 'publish']);
    const { check, publish } = jobs;
    expect(check?.permissions).toEqual({ contents: 'read' });
    expect(commandsOf(check)).toContain('node scripts/package-release.mjs "$GITHUB_REF_NAME"\n.ci/run');
    expect(publish?.needs).toBe('check');
    expect(publish?.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    expect(commandsOf(publish)).toMatch(
      /npm ci --ignore-scripts\n.*npm publish --provenance --access public/s,
    );
  });

  it('call scripts that can be executed', () => {
    expect(execFileSync('test', ['-x', join(ROOT, '.ci/run')]).length).toBe(0);
  });
});
