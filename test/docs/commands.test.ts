import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestAuthorizationServer } from 'oidc-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { PAGES, ROOT } from './pages.ts';

const INTROSPECTING = /^curl -u my-api:secret -d token=\S+ (\S+\/introspect)$/;

const BUNDLING = /^npx esbuild server\.ts .*--outfile=server\.mjs/;

const withoutCurl = process.env.CI === undefined && spawnSync('curl', ['--version']).status !== 0;

/** Who runs the commands that the pages show, and a word by which that file shows that it does. */
const RUN: [commands: RegExp, by: string, shown: string][] = [
  [/^npm ci( && npm (run demo|test))?$|^npm run (check|demo)/, '.ci/run', 'npm run check'],
  [/^(npm (init|pkg|install)|mkdir) /, 'scripts/walk-through.ts', 'mkdir|npm'],
  [/^(npx tsx|node) --env-file=\.env server\.ts/, 'scripts/walk-through.ts', '--env-file'],
  [/^curl .*\/(me|jwks)\b/, 'scripts/walk-through.ts', 'curl '],
  [BUNDLING, 'test/docs/commands.test.ts', 'execFile'],
  [/^npm run build$/, '.ci/run', 'npm run check'],
  [/^node bench\/requests\.mjs --quick$/, 'bench/all.mjs', "'requests'"],
  [/^npm run bench -- --quick$/, '.ci/run', 'node bench/all.mjs --quick'],
  [/^npm run cluster/, '.ci/run', 'npm run cluster'],
  [/^npx oidc-rs (check|keygen)/, 'scripts/walk-through.ts', 'oidc-rs'],
  [/^npx oidc-rs introspect/, 'test/cli/introspect.test.ts', 'introspect'],
  [/^npx oidc-rs keygen/, 'test/cli/keygen.test.ts', 'keygen'],
  [/^npx oidc-rs migrate/, 'test/cli/migrate.test.ts', 'migrate'],
  [/^npx oidc-rs serve/, 'test/cli/serve.test.ts', 'serve'],
  [INTROSPECTING, 'test/docs/commands.test.ts', 'execFile'],
  [/^(openssl |cat new\.pem)/, 'test/docs/settings.test.ts', 'execFileSync'],
];

const COMMANDS = PAGES.flatMap(({ path, fences }) =>
  fences
    .filter(({ language }) => /^(?:sh|bash|console|shell)$/.test(language))
    .flatMap(({ content }) => content.replaceAll('\\\n', '').split('\n'))
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

  // As for openssl in the test of the settings: nothing has to be installed by hand, and CI insists.
  it.skipIf(withoutCurl)('that introspects a token by hand says that it is active', async () => {
    const commands = COMMANDS.filter(({ command }) => INTROSPECTING.test(command));
    expect(commands.length).toBeGreaterThan(1);
    await using server = await startTestAuthorizationServer({ clients: { 'my-api': { secret: 'secret' } } });
    const token = await server.tokenFor('alice', { scopes: ['groups'] });
    for (const { command } of commands) {
      const endpoint = INTROSPECTING.exec(command)?.[1] ?? '';
      const line = command.replace('eyJ…', token).replace(endpoint, server.endpoints.introspection);
      const { stdout } = await promisify(execFile)('sh', ['-c', line]);
      expect(JSON.parse(stdout)).toMatchObject({ active: true, sub: 'alice' });
    }
  });

  it('that bundles makes a file', async () => {
    const commands = COMMANDS.filter(({ command }) => BUNDLING.test(command));
    expect(commands).toHaveLength(1);
    const folder = mkdtempSync(join(tmpdir(), 'commands-'));
    const line = (commands[0]?.command ?? '')
      .replace('server.ts', 'examples/express.ts --conditions=oidc-resource-server-source')
      .replace('server.mjs', join(folder, 'server.mjs'));
    await promisify(execFile)('sh', ['-c', line], { cwd: ROOT });
    expect(readFileSync(join(folder, 'server.mjs'), 'utf8')).toContain('IntrospectionResourceServerBackend');
    rmSync(folder, { recursive: true });
  });
});
