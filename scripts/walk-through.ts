// Does what the pages tell a newcomer to do, in an empty folder for each page: runs the install commands (with this package
// as `npm pack` makes it), writes the settings and the code that the page shows, starts it against a real authorization
// server, and runs the page's curl commands. `npm run walk-through`, or with pages as arguments. It installs from npm.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import {
  startAuthorizationServer,
  type TestAuthorizationServer,
} from '../test/support/authorization-server.ts';
import { exampleCode, type Page, pageAt, ROOT } from '../test/docs/pages.ts';

const FRAMEWORKS = 'docs/guides/frameworks';
const MINUTE = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'walk-through-'));
const server = await startAuthorizationServer();
const token = await server.tokenFor('alice', { scopes: ['groups'] });
let failed = false;
try {
  const tarball = pack();
  const given = process.argv.slice(2);
  for (const path of given.length > 0 ? given : pagesToWalk()) {
    const startedAt = performance.now();
    const problem = await walk(pageAt(path), tarball).catch((error: unknown) => String(error));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`${problem === undefined ? '✓' : '✗'} ${path} (${seconds} s) ${problem ?? ''}`);
    failed ||= problem !== undefined;
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function pagesToWalk(): string[] {
  const frameworks = readdirSync(ROOT + FRAMEWORKS).filter((file) => file !== 'README.md');
  return [
    'README.md',
    'docs/guides/getting-started.md',
    ...frameworks.map((file) => `${FRAMEWORKS}/${file}`),
  ];
}

function pack(): string {
  const { stdout, stderr, status } = spawnSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const name = /"filename": *"([^"]+)"/.exec(stdout)?.[1] ?? '';
  return join(folder, basename(name));
}

/** @returns what went wrong, or nothing */
async function walk(page: Page, tarball: string): Promise<string | undefined> {
  const start = join(folder, page.path.replace(/\W+/g, '-'));
  mkdirSync(start);
  const commands = page.fences
    .filter(({ language }) => language === 'sh')
    .flatMap(({ content }) => content.split('\n'))
    .map((line) => line.replace(/ +#.*$/, '').trim());

  const installing = commands.filter((line) => /^(?:mkdir|npm (?:init|pkg|install)) /.test(line));
  if (!installing.some((line) => line.startsWith('npm init'))) {
    writeFileSync(join(start, 'package.json'), '{ "private": true, "type": "module" }');
  }
  const script = [...installing, 'pwd'].join('\n').replace(/ oidc-resource-server(?= |$)/m, ` ${tarball}`);
  const { stdout, stderr, status } = spawnSync('sh', ['-ec', script], {
    cwd: start,
    encoding: 'utf8',
    timeout: 5 * MINUTE,
  });
  if (status !== 0) return `installing: ${stderr.slice(-500)}`;
  const project = stdout.trimEnd().split('\n').at(-1) ?? start;

  const main = writeCode(page, project);
  writeFileSync(join(project, '.env'), environment(page, server));
  for (const line of commands.filter((command) => /^npx oidc-rs (?:keygen|check)\b/.test(command))) {
    const failed = await execute(line, project).catch((error: unknown) => error as { stdout?: string });
    if (failed !== undefined) return `${line}: ${failed.stdout ?? ''}`;
  }
  let said = '';
  const api = run(commands.find((line) => /^(?!npx oidc-rs).*--env-file/.test(line)) ?? '', main, project);
  api.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    const origin = await listening(api);
    const curls = commands.filter((line) => line.startsWith('curl ') && line.includes('/me'));
    for (const line of curls.length > 0 ? curls : ['curl -i localhost:3000/me']) {
      // Not spawnSync: the authorization server, which the API asks meanwhile, is in this process.
      const asked = await promisify(execFile)(
        'sh',
        ['-c', line.replace(/(http:\/\/)?localhost:3000/, origin)],
        {
          env: { PATH: process.env.PATH, TOKEN: token },
          timeout: MINUTE,
        },
      );
      const wanted = line.includes('$TOKEN') ? ' 200 ' : ' 401 ';
      const answer = asked.stdout.split('\n', 1)[0] ?? '';
      if (!answer.includes(wanted) && !spokenDifferently(page.path)) return `${line}: ${answer} ${said}`;
    }
    return undefined;
  } finally {
    api.kill();
  }
}

/** Runs a command that has to end well. Not spawnSync: it asks the authorization server, which is in this process. */
async function execute(line: string, cwd: string): Promise<undefined> {
  await promisify(execFile)('sh', ['-ec', line], { cwd, timeout: MINUTE });
}

/** Starts the API: by the page's own command, or with tsx where it has none or asks for a Node that is not here. */
function run(command: string, main: string, project: string): ReturnType<typeof spawn> {
  const stripping = process.env.NODE24_BINARY;
  const ours = join(ROOT, 'node_modules/tsx/dist/cli.mjs');
  const [program = '', ...args] = command.split(' ');
  const [file, parameters] =
    program === 'npx'
      ? [process.execPath, [join(project, 'node_modules/tsx/dist/cli.mjs'), ...args.slice(1)]]
      : program === 'node' && stripping !== undefined
        ? [stripping, args]
        : [process.execPath, [ours, '--env-file=.env', main]];
  return spawn(file, parameters, {
    cwd: project,
    env: { PATH: process.env.PATH, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** GraphQL, tRPC and WebSocket have no `GET /me`; that they start is all that is seen here. */
function spokenDifferently(path: string): boolean {
  return /\/(graphql|trpc|websocket)\.md$/.test(path);
}

/**
 * Writes the example of which the page shows the whole or a part, and returns the file that is to be started. An example
 * that is a folder is written whole, with decorators switched on as NestJS wants them.
 */
function writeCode(page: Page, project: string): string {
  const [, file = ''] =
    /example: (examples\/[^#\s]+)/.exec(page.fences.map(({ note }) => note).join('\n')) ?? [];
  const folder = dirname(file);
  if (folder === 'examples') {
    // The pages call the program so, whatever the example is called.
    writeFileSync(join(project, 'server.ts'), exampleCode(`example: ${file}`));
    return 'server.ts';
  }
  for (const name of readdirSync(join(ROOT, folder)).filter((entry) => entry.endsWith('.ts'))) {
    writeFileSync(join(project, name), exampleCode(`example: ${folder}/${name}`));
  }
  writeFileSync(join(project, 'tsconfig.json'), '{ "compilerOptions": { "experimentalDecorators": true } }');
  return 'main.ts';
}

/** The settings that the page shows, with the values of the server at hand. */
function environment(page: Page, authorizationServer: TestAuthorizationServer): string {
  const values = authorizationServer.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
  const shown = page.fences.find(({ language }) => language === 'env')?.content;
  const names =
    shown === undefined ? Object.keys(values) : [...shown.matchAll(/^(\w+)=/gm)].map(([, name = '']) => name);
  return names.map((name) => `${name}=${values[name] ?? ''}\n`).join('');
}

async function listening(api: ReturnType<typeof spawn>): Promise<string> {
  let said = '';
  const timer = setTimeout(() => api.kill(), MINUTE);
  try {
    api.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    if (api.stdout === null) throw new Error('no output');
    for await (const line of createInterface(api.stdout)) {
      const origin = /^Listening on (http:\/\/\S+)/.exec(line)?.[1];
      if (origin !== undefined) return origin;
    }
    throw new Error(`it did not start: ${said.slice(-800)}`);
  } finally {
    clearTimeout(timer);
  }
}
