import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { PAGES, ROOT, withExamples } from './pages.ts';

const CODE = PAGES.flatMap(({ path, fences }) =>
  fences
    .filter(({ language }) => /^(?:[cm]?[jt]sx?|javascript|typescript)$/.test(language))
    .map((fence) => ({ path, ...fence })),
);

describe('code in the pages', () => {
  it('is there', () => {
    expect(CODE.length).toBeGreaterThan(8);
  });

  it('is TypeScript, and comes from an example', () => {
    const strays = CODE.filter(({ language, note }) => language !== 'ts' || !note.startsWith('example: '));
    expect(strays.map(({ path, line }) => `${path}:${line}`)).toEqual([]);
  });

  // `npx vitest run test/docs -u` copies the examples into the pages.
  it.each(PAGES.filter(({ text }) => text.includes('<!-- example: ')))(
    'is the example in $path',
    async (page) => {
      await expect(withExamples(page)).toMatchFileSnapshot(ROOT + page.path);
    },
  );

  it('shows every example of the guides', () => {
    const shown = new Set(CODE.map(({ note }) => note.replace(/^example: |#.*$/g, '')));
    const examples = readdirSync(`${ROOT}examples/guides`).map((file) => `examples/guides/${file}`);
    expect(examples.filter((example) => !shown.has(example))).toEqual([]);
  });
});

// Started now, so that it runs beside the other tests.
const backendTest = run('testing-a-backend.ts', '--test', '--test-reporter=tap');
const storeTest = run('proving-a-user-store.ts', '--test', '--test-reporter=tap');

describe('the examples of the guides', () => {
  let authorizationServer: TestAuthorizationServer;
  beforeAll(async () => {
    authorizationServer = await startAuthorizationServer();
  });
  afterAll(() => authorizationServer.stop());

  async function withExample<M>(
    load: () => Promise<M & { server: Server }>,
    show: (origin: string, module: M) => Promise<void>,
  ): Promise<void> {
    const settings = authorizationServer.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa', PORT: '0' });
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
    const said = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')].map((spy) =>
      spy.mockImplementation(() => undefined),
    );
    const module = await load();
    try {
      if (!module.server.listening) await once(module.server, 'listening');
      await show(`http://localhost:${(module.server.address() as AddressInfo).port}`, module);
    } finally {
      module.server.close();
      for (const spy of said) spy.mockRestore();
      vi.unstubAllEnvs();
    }
  }

  const tokenOf = async (who: string, scopes = ['groups']): Promise<string> =>
    (await authorizationServer.tokensFor(who, { scopes })).accessToken;

  it('caching.ts: what is kept is used, until somebody is locked out', async () => {
    const settings = authorizationServer.settingsFor('json', { OIDC_RS_ALLOWED_AUDIENCES: 'spa' });
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
    const { lockOut, resourceServer } = await import('../../examples/guides/caching.ts');
    vi.unstubAllEnvs();
    const token = await tokenOf('mallory');
    const request = { method: 'GET', url: '/', rawHeaders: ['Authorization', `Bearer ${token}`] };
    expect((await resourceServer.authenticate(request)).user.subject).toBe('mallory');
    await lockOut('mallory', () => authorizationServer.revoke(token));
    await expect(resourceServer.authenticate(request)).rejects.toMatchObject({ reason: 'inactive' });
    await resourceServer.close();
  });

  it('cors.ts: preflights are answered, and refusals can be read by the web application', async () => {
    await withExample(
      () => import('../../examples/guides/cors.ts'),
      async (origin) => {
        const preflight = await fetch(`${origin}/me`, {
          method: 'OPTIONS',
          headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' },
        });
        expect(preflight.status).toBe(204);
        expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
        const refused = await fetch(`${origin}/me`);
        expect(refused.status).toBe(401);
        expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
        expect(refused.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
        const token = await tokenOf('alice');
        expect((await fetch(`${origin}/me`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(
          200,
        );
      },
    );
  });

  it('errors.ts: each error of a hook gets its answer, and `code` decides for a queue', async () => {
    await withExample(
      () => import('../../examples/guides/errors.ts'),
      async (origin, { mayProcess }) => {
        const statusOf = async (who: string): Promise<number> => {
          const headers = { authorization: `Bearer ${await tokenOf(who)}` };
          return (await fetch(`${origin}/me`, { headers })).status;
        };
        expect(await statusOf('alice')).toBe(200);
        expect(await statusOf('zoe')).toBe(401);
        expect(await statusOf('nobody')).toBe(401);
        expect(await statusOf('trouble')).toBe(503);

        expect(await mayProcess({ token: await tokenOf('alice') })).toBe(true);
        expect(await mayProcess({ token: 'dead' })).toBe(false);
        await expect(mayProcess({ token: await tokenOf('trouble') })).rejects.toMatchObject({
          code: 'ERR_USER_STORE',
        });
      },
    );
  });

  it('errors.ts: without settings it says which are missing and ends', async () => {
    vi.resetModules();
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const exited = vi.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
    try {
      await expect(import('../../examples/guides/errors.ts')).rejects.toThrow('exit');
      expect(exited).toHaveBeenCalledWith(1);
      expect(said).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('- OIDC_OP_URL is missing'));
    } finally {
      said.mockRestore();
      exited.mockRestore();
    }
  });

  it('testing-a-backend.ts: its tests pass', async () => {
    const { code, output } = await backendTest;
    expect(output).toMatch(/^# pass 3$/m);
    expect(code).toBe(0);
  });

  it('proving-a-user-store.ts: the store on TypeORM keeps the contract', async () => {
    const { code, output } = await storeTest;
    expect(output).toMatch(/^# pass [5-9]\d$/m);
    expect(output).toMatch(/^# fail 0$/m);
    expect(code).toBe(0);
  });
});

async function run(file: string, ...options: string[]): Promise<{ code: unknown; output: string }> {
  const args = ['--import', 'tsx', '--conditions=oidc-resource-server-source', ...options];
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [...args, `examples/guides/${file}`], {
    cwd: ROOT,
    env: { PATH, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, output };
}
