import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { oidcRs } from '../support/terminal.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMANDS = ['keygen', 'check', 'introspect', 'migrate', 'serve'];

describe('oidc-rs', () => {
  it('--help names every command and the exit codes', async () => {
    const { code, out, err } = await oidcRs(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(out).toContain('Exit codes: 0 all is well');
  });

  it.each(COMMANDS)('%s --help says what it does, what it takes, and the exit codes', async (command) => {
    for (const args of [
      [command, '--help'],
      ['help', command],
    ]) {
      const { code, out, err } = await oidcRs(args);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(new RegExp(`^Usage: oidc-rs ${command} `));
      expect(out).toContain('Exit codes:');
      if (command !== 'serve') expect(out).toContain('--json');
    }
  });

  it('--version is that of the package', async () => {
    expect((await oidcRs(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['chekc'], /unknown command 'chekc'\n\(Did you mean check\?\)/],
    [['check', '--srict'], /unknown option '--srict'\n\(Did you mean --strict\?\)/],
    [['serve', '--port', '70000'], /A whole number from 0 to 65535 is wanted/],
    [[], /Usage: oidc-rs/],
    [
      ['check', '--import', './no-such-module.js'],
      /--import: \.\/no-such-module\.js cannot be imported \(Error\)/,
    ],
  ])('%j ends with 2, says why on stderr, and prints no result', async (args, message) => {
    const { code, out, err } = await oidcRs(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  it('knows backends that a module registers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-'));
    const module = join(folder, 'register.mjs');
    const source = join(ROOT, 'src/index.ts');
    writeFileSync(
      module,
      `import { IntrospectionResourceServerBackend, registerBackend } from ${JSON.stringify(source)};
       registerBackend('RegisteredHere', class RegisteredHere extends IntrospectionResourceServerBackend {});`,
    );
    const env = { OIDC_RS_BACKEND_CLASS: 'RegisteredHere' };
    expect((await oidcRs(['check'], { env })).out).toContain('no backend is called "RegisteredHere"');
    expect((await oidcRs(['check', '--import', module], { env })).out).not.toContain('no backend is called');
    rmSync(folder, { recursive: true });
  });
});

describe('oidc-rs as a process', () => {
  const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--conditions=oidc-resource-server-source', 'src/cli/main.ts', ...args],
      { cwd: ROOT, env: { PATH: process.env.PATH, ...env } },
    ).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: unknown) => error as { code: number; stdout: string },
    );

  it('ends with the code of its command, and writes no colours into a pipe', async () => {
    const failed = await run(['check'], { FORCE_COLOR: '1' });
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('✗ settings        OIDC_OP_URL is missing');
    expect(await run(['--version'])).toMatchObject({ code: 0 });
    expect(await run(['check', '--no-such-option'])).toMatchObject({ code: 2 });
  });
});
