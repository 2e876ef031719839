import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  introspect,
  introspectProcess,
  type IntrospectedApis,
  read,
  startIntrospectedApis,
} from '../support/introspect-command.ts';
import { oidcRs } from '../support/terminal.ts';

const ARGUMENT =
  "A token given as an argument stays in the shell's history, and everybody on this machine sees it while the command " +
  'runs: pass it by --token-file or standard input.\n';
const NO_TOKEN =
  'There is no token. Pass one by standard input or --token-file <file>, or as the argument.\n';
const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-introspect-'));

let apis: IntrospectedApis;
let alice: string;

beforeAll(async () => {
  apis = await startIntrospectedApis();
  // One that the command line does not take for an option.
  do alice = await apis.server.tokenFor('alice', { scopes: ['openid', 'profile'] });
  while (alice.startsWith('-'));
});
afterAll(async () => {
  await apis.stop();
  rmSync(folder, { recursive: true });
});

describe('where the token comes from', () => {
  const file = join(folder, 'token.txt');
  /** Runs the command with what is on standard input. */
  const run = async (args: readonly string[], input = '', interactive = false) =>
    read(await oidcRs(['introspect', ...args], { env: apis.json, input, interactive }), apis.json, alice);

  it('standard input, of which one line break is cut', async () => {
    expect(await run([], alice)).toMatchObject({ code: 0, err: '' });
    expect(await run(['-'], `${alice}\r\n`)).toMatchObject({ code: 0, err: '' });
    expect(await run(['--token-file', '-'], `${alice}\n`)).toMatchObject({ code: 0, err: '' });
  });

  it('a person who types is told what to do', async () => {
    const hint = 'Paste the access token, press Enter, and then Ctrl-D:\n';
    expect(await run([], `${alice}\n`, true)).toMatchObject({ code: 0, err: hint });
  });

  it('a file', async () => {
    writeFileSync(file, `${alice}\n`);
    expect(await run(['--token-file', file], 'another', true)).toMatchObject({ code: 0, err: '' });
  });

  it('an argument, which is warned about and wins (E1)', async () => {
    // What the command is given is not what it writes.
    expect(await run([alice])).toMatchObject({ code: 0, err: ARGUMENT });
    const ignored = '--token-file is not read, since there is an argument.\n';
    expect(await run([alice, '--token-file', '/no/such/file'])).toMatchObject({
      code: 0,
      err: ignored + ARGUMENT,
    });
    expect(await run(['-', '--token-file', '/no/such/file'], alice)).toMatchObject({ code: 0, err: ignored });
  });

  it.each(['Bearer ', 'bearer  ', 'Authorization: Bearer '])(
    '"%s" in front of it is left out',
    async (prefix) => {
      const err = '"Bearer " in front of the token is left out.\n';
      expect(await run([], `${prefix}${alice}\n`)).toMatchObject({ code: 0, err });
    },
  );

  it.each(['', '\n', '  \n', 'Bearer \n'])('nothing (%j) ends with 2', async (input) => {
    expect(await run([], input)).toMatchObject({ code: 2, out: '', err: NO_TOKEN });
  });

  it('a file that cannot be read ends with 2; its name may be the token, and is not repeated (E1)', async () => {
    const err = '--token-file takes the name of a file, and that file cannot be read (ENOENT).\n';
    expect(await run(['--token-file', alice])).toMatchObject({ code: 2, out: '', err });
  });

  it('a token that is taken for options or several arguments is not repeated (E1)', async () => {
    const dashed = await run([`-${alice}`]);
    expect(dashed).toMatchObject({ code: 2, out: '' });
    expect(dashed.err).toContain(
      'a token that begins with a dash comes by standard input or --token-file, or after --',
    );
    const two = await run(['Bearer', alice]);
    expect(two).toMatchObject({ code: 2, out: '' });
    expect(two.err).toContain('too many arguments');
    expect((await run([`--token=${alice}`])).code).toBe(2);
  });

  it('a process of its own, with a pipe', async () => {
    const good = await introspectProcess(apis.json, `${alice}\n`);
    expect(good).toMatchObject({ code: 0, err: '' });
    expect(good.marks).toBe('✓✓✓✓✓');
    expect(good.out).not.toContain('\u001b');
    expect((await introspectProcess({ ...apis.json, OIDC_RS_SCOPES: 'groups' }, alice)).code).toBe(1);
    expect((await introspectProcess({}, alice)).code).toBe(2);
    expect((await introspectProcess({ ...apis.json, OIDC_OP_URL: 'http://127.0.0.1:9' }, alice)).code).toBe(
      3,
    );
  }, 60_000);
});

describe('the settings', () => {
  it('a list that is mis-typed, and a name with a slip, end with 2 before the token is read (X6)', async () => {
    const run = await introspect({ ...apis.json, OIDC_RS_SCOPES: "['groups'", OIDC_RS_SCOPE: 'x' }, '');
    expect(run).toMatchObject({ code: 2, out: '' });
    expect(run.err).toContain('  - OIDC_RS_SCOPES has malformed brackets and must be a list');
    expect(run.err).toContain('  - OIDC_RS_SCOPE is not a setting; the nearest one is OIDC_RS_SCOPES');
  });

  it('that nobody has set', async () => {
    const run = await introspect({}, alice);
    expect(run).toMatchObject({ code: 2, out: '' });
    expect(run.err).toContain('  - OIDC_OP_URL is missing');
  });

  it('that switch the API off', async () => {
    const err =
      'The resource server is switched off. Set OIDC_RESOURCE_SERVER_ENABLED=true to let requests in.\n';
    const run = await introspect({ ...apis.json, OIDC_RESOURCE_SERVER_ENABLED: 'false' }, alice);
    expect(run).toMatchObject({ code: 2, out: '', err });
  });

  it('come from files, too', async () => {
    const file = join(folder, 'api.env');
    const lines = Object.entries(apis.json).map(([name, value]) => `${name}="${value}"`);
    writeFileSync(file, lines.join('\n'));
    expect(await introspect({}, alice, '--env-file', file)).toMatchObject({ code: 0, err: '' });
  });

  it('that look wrong are warned about, as the API does at its start', async () => {
    const run = await introspect({ ...apis.json, OIDC_VERIFY_SSL: 'false' }, alice);
    expect(run.code).toBe(0);
    expect(run.err).toMatch(/^OIDC_VERIFY_SSL is false, so that others on the way can pose as .*\n$/);
  });
});
