import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Runner {
  /** What comes after `node`, for the test files of a folder whose name begins so. */
  readonly command: (file: 'api' | 'integration' | 'contracts') => string[];
  readonly passed: (count: number) => RegExp;
  readonly failed: (count: number) => RegExp;
}

const RUNNERS: Record<string, Runner> = {
  vitest: {
    command: (file) => [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--config=examples/testing/vitest/vitest.config.ts',
      file,
    ],
    passed: (count) => new RegExp(`Tests .*\\b${count} passed`),
    failed: (count) => new RegExp(`Tests .*\\b${count} failed`),
  },
  'node-test': {
    command: (file) => [
      ...['--import=tsx', '--conditions=oidc-resource-server-source', '--test', '--test-reporter=tap'],
      `examples/testing/node-test/${file}.test.ts`,
    ],
    passed: (count) => new RegExp(`^# pass ${count}$`, 'm'),
    failed: (count) => new RegExp(`^# fail ${count}$`, 'm'),
  },
  jest: {
    command: (file) => [
      ...['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'],
      ...['--config=examples/testing/jest/jest.config.json', file],
    ],
    passed: (count) => new RegExp(`Tests: .*\\b${count} passed`),
    failed: (count) => new RegExp(`Tests: .*\\b${count} failed`),
  },
};

// The same package, with examples that expect something else.
const broken = mkdtempSync(join(realpathSync(tmpdir()), 'runners-'));
beforeAll(() => {
  for (const name of ['src', 'node_modules']) symlinkSync(join(ROOT, name), join(broken, name));
  cpSync(join(ROOT, 'package.json'), join(broken, 'package.json'));
  cpSync(join(ROOT, 'examples/testing'), join(broken, 'examples/testing'), { recursive: true });
  for (const runner of Object.keys(RUNNERS)) {
    const file = join(broken, `examples/testing/${runner}/api.test.ts`);
    writeFileSync(file, readFileSync(file, 'utf8').replace("'robot-token', 401", "'robot-token', 200"));
  }
});
afterAll(() => {
  rmSync(broken, { recursive: true });
});

async function run(args: string[], cwd: string): Promise<{ code: unknown; output: string }> {
  const { PATH = '' } = process.env;
  const env = { PATH, NO_COLOR: '1', CI: '1' };
  const child = spawn(process.execPath, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 90_000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, output };
}

describe.each(Object.entries(RUNNERS))('the examples with %s', (_, { command, passed, failed }) => {
  it('pass with a fake resource server', { timeout: 100_000 }, async () => {
    const { code, output } = await run(command('api'), ROOT);
    expect(output).toMatch(passed(5));
    expect(code).toBe(0);
  });

  it('pass with a real authorization server', { timeout: 100_000 }, async () => {
    const { code, output } = await run(command('integration'), ROOT);
    expect(output).toMatch(passed(1));
    expect(code).toBe(0);
  });

  it('fail where something else is expected', { timeout: 100_000 }, async () => {
    const { code, output } = await run(command('api'), broken);
    expect(output).toMatch(passed(4));
    expect(output).toMatch(failed(1));
    expect(code).toBe(1);
  });
});

it('the contracts pass under node:test', { timeout: 100_000 }, async () => {
  const { code, output } = await run(RUNNERS['node-test']?.command('contracts') ?? [], ROOT);
  expect(output).toMatch(/^# pass 99$/m);
  expect(output).toMatch(/^# fail 0$/m);
  expect(code).toBe(0);
});
