import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as main from 'oidc-resource-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newApiKeys } from '../support/api-keys.ts';
import { startAuthorizationServer, type TestAuthorizationServer } from '../support/authorization-server.ts';
import { type BuiltPackage, builtPackage, WITH_BUILD_MS } from './built-package.ts';
import { bundle, modulesIn, run, type Running } from './bundle.ts';

const keys = newApiKeys();
const JWT = { OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend', OIDC_RS_PRIVATE_KEY_STR: keys.pem };
const LONG = { timeout: 60_000 };
const INTROSPECTION = 'IntrospectionResourceServerBackend';

let built: BuiltPackage;
let authorizationServer: TestAuthorizationServer;
/** Where bundles run: a folder from which no package can be found. */
let folder: string;
let tokens: Record<'alice' | 'bob' | 'scopeless', string>;

beforeAll(async () => {
  built = builtPackage();
  folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  authorizationServer = await startAuthorizationServer({ encryptionJwks: keys.jwks });
  tokens = {
    alice: await authorizationServer.tokenFor('alice', { scopes: ['groups'] }),
    bob: await authorizationServer.tokenFor('bob', { scopes: ['groups'] }),
    scopeless: await authorizationServer.tokenFor('alice', { scopes: ['openid'] }),
  };
}, WITH_BUILD_MS);

afterAll(async () => {
  await authorizationServer.stop();
  rmSync(folder, { recursive: true });
  for (const name of readdirSync(built.workplace).filter((entry) => entry.startsWith('apps-'))) {
    rmSync(join(built.workplace, name), { recursive: true, force: true });
  }
});

function settingsFor(api: 'json' | 'jwt', settings: Record<string, string>): Record<string, string> {
  return authorizationServer.settingsFor(api, { OIDC_RS_ALLOWED_AUDIENCES: 'spa', ...settings });
}

/** Lets Alice in, and refuses whom it should. */
async function expectDecisions({ origin, lines }: Running, bob: 200 | 401): Promise<void> {
  expect(origin, lines.join('\n')).toBeDefined();
  const ask = async (token?: string): Promise<[number, string | null, unknown]> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${origin ?? ''}/me`, { headers });
    return [response.status, response.headers.get('www-authenticate'), await response.json()];
  };
  expect(await ask(tokens.alice)).toEqual([200, null, expect.objectContaining({ subject: 'alice' })]);
  expect((await ask(tokens.bob))[0]).toBe(bob);
  expect((await ask())[0]).toBe(401);
  expect((await ask('not-a-token')).slice(0, 2)).toEqual([401, expect.stringContaining('"invalid_token"')]);
  expect((await ask(tokens.scopeless)).slice(0, 2)).toEqual([403, expect.stringContaining('scope="groups"')]);
}

/** What the line about the start says. */
function started({ lines }: Running): { backend?: unknown; user_store?: unknown } {
  const line = lines.find((text) => text.includes('"resource_server.started"')) ?? '{}';
  return JSON.parse(line) as ReturnType<typeof started>;
}

const BACKENDS: [
  name: string,
  api: 'json' | 'jwt',
  known: string,
  bob: 200 | 401,
  settings: Record<string, string>,
][] = [
  ['a registered subclass', 'json', 'Team', 401, { OIDC_RS_BACKEND_CLASS: 'Team' }],
  ['JWTResourceServerBackend', 'jwt', 'JWTResourceServerBackend', 200, JWT],
  ['ResourceServerBackend', 'json', INTROSPECTION, 200, { OIDC_RS_BACKEND_CLASS: 'ResourceServerBackend' }],
  [
    "the original's dotted path",
    'jwt',
    'JWTResourceServerBackend',
    200,
    { ...JWT, OIDC_RS_BACKEND_CLASS: 'lasuite.oidc_resource_server.backend.JWTResourceServerBackend' },
  ],
];

describe.each(['esm', 'cjs'] as const)('a minified bundle (%s)', (format) => {
  const extension = format === 'esm' ? 'mjs' : 'cjs';
  let file: string;
  let outdir: string;
  beforeAll(async () => {
    outdir = join(folder, format);
    await bundle(built.workplace, ['api.ts', 'staff-backend.ts'], { format, outdir });
    file = join(outdir, `api.${extension}`);
  }, 60_000);

  it('holds class names no longer, which is what the tests below are about', () => {
    expect(readFileSync(file, 'utf8')).not.toMatch(/class (?:TeamBackend|JWTResourceServerBackend)\b/);
  });

  it.each(BACKENDS)('finds %s by its name, and decides', LONG, async (_, api, known, bob, settings) => {
    const program = await run(file, outdir, settingsFor(api, settings));
    try {
      await expectDecisions(program, bob);
      // The name of the table, not what the minifier has made of the class.
      expect(started(program).backend).toBe(known);
    } finally {
      await program.stop();
    }
  });

  it(
    'imports a backend from a bundle of its own, with another copy of this package in it',
    LONG,
    async () => {
      const backend = `./staff-backend.${extension}#StaffBackend`;
      const program = await run(file, outdir, settingsFor('json', { OIDC_RS_BACKEND_CLASS: backend }));
      try {
        await expectDecisions(program, 401);
      } finally {
        await program.stop();
      }
    },
  );

  it('lists what is wrong with the settings, with the names of backends', LONG, async () => {
    const settings = settingsFor('jwt', JWT);
    delete settings.OIDC_RS_PRIVATE_KEY_STR;
    const program = await run(file, outdir, settings);
    await program.stop();
    expect(program.lines.join('\n')).toContain('ERR_CONFIGURATION The resource server cannot start');
    expect(program.lines.join('\n')).toContain(
      'OIDC_RS_PRIVATE_KEY_STR is missing; JWTResourceServerBackend needs it',
    );
  });

  it('knows by which names backends can be chosen', LONG, async () => {
    const program = await run(file, outdir, settingsFor('json', { OIDC_RS_BACKEND_CLASS: 'Nobody' }));
    await program.stop();
    const known = [INTROSPECTION, 'JWTResourceServerBackend', 'ResourceServerBackend', 'Team'].join(', ');
    expect(program.lines.join('\n')).toContain(`no backend is called "Nobody". Known: ${known}.`);
  });
});

describe('a minified bundle that keeps names', () => {
  it('names the class of the user store in the log', LONG, async () => {
    const outdir = join(folder, 'names');
    await bundle(built.workplace, ['api.ts'], { format: 'esm', outdir, keepNames: true });
    const program = await run(join(outdir, 'api.mjs'), outdir, settingsFor('json', {}));
    await program.stop();
    expect(started(program)).toMatchObject({ backend: INTROSPECTION, user_store: 'ClaimsUserStore' });
  });
});

describe('two programs that share chunks', () => {
  it('share one copy of the package, and both start', LONG, async () => {
    const outdir = join(folder, 'splitting');
    const metafile = await bundle(built.workplace, ['api.ts', 'worker.ts'], {
      format: 'esm',
      outdir,
      splitting: true,
    });
    const modules = modulesIn(metafile);
    expect(modules.filter((path) => path.endsWith('oidc-resource-server/dist/shared/core.js'))).toHaveLength(
      1,
    );

    const settings = settingsFor('json', { OIDC_RS_BACKEND_CLASS: 'Team' });
    const worker = await run(join(outdir, 'worker.mjs'), outdir, settings);
    await worker.stop();
    expect(worker.lines).toContain('A worker that answers 500');
    const api = await run(join(outdir, 'api.mjs'), outdir, settings);
    try {
      await expectDecisions(api, 401);
    } finally {
      await api.stop();
    }
  });

  it('keep undici and jose out of what is loaded at once', async () => {
    const outdir = join(folder, 'chunks');
    const { outputs } = await bundle(built.workplace, ['worker.ts'], {
      format: 'esm',
      outdir,
      splitting: true,
    });
    const reached = new Set(Object.keys(outputs).filter((path) => path.endsWith('worker.mjs')));
    for (const path of reached) {
      for (const { path: next, kind } of outputs[path]?.imports ?? []) {
        if (kind === 'import-statement' && next in outputs) reached.add(next);
      }
    }
    const eager = [...reached].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}));
    expect(eager.some((path) => path.endsWith('oidc-resource-server/dist/shared/core.js'))).toBe(true);
    expect(eager.filter((path) => /node_modules\/(?:undici|jose)\//.test(path))).toEqual([]);
  });
});

describe('tree shaking', () => {
  it('leaves everything out but the guard, where only /fetch is imported', async () => {
    const outdir = join(folder, 'fetch');
    const modules = modulesIn(await bundle(built.workplace, ['fetch-only.ts'], { format: 'esm', outdir }));
    expect(modules).toContain('oidc-resource-server/dist/shared/common.js');
    // Neither a dependency, nor what reads settings, asks the authorization server or builds backends.
    const allowed = /^oidc-resource-server\/dist\/(?:framework\/|shared\/common\.js$)|^fetch-only\.ts$/;
    expect(modules.filter((path) => !allowed.test(path))).toEqual([]);
  });

  // What a module does besides exporting must not be lost: tsyringe does not start without reflect-metadata.
  it('leaves every single export of the package alive', LONG, async () => {
    const outdir = join(folder, 'exports');
    const names = Object.keys(main);
    const sources = mkdtempSync(join(built.workplace, 'apps-'));
    for (const name of names) {
      writeFileSync(join(sources, `${name}.ts`), `export { ${name} } from 'oidc-resource-server';\n`);
    }
    await bundle(
      built.workplace,
      names.map((name) => join(sources, `${name}.ts`)),
      { format: 'esm', outdir, splitting: false },
    );
    const importing = names
      .map((name) => `${name}: typeof (await import('./${name}.mjs')).${name}`)
      .join(', ');
    // Each in a process of its own would be slow; the one without reflect-metadata must come first to be noticed.
    writeFileSync(join(outdir, 'all.mjs'), `console.log(JSON.stringify({ ${importing} }));`);
    writeFileSync(
      join(outdir, 'container-alone.mjs'),
      `console.log(typeof (await import('./container.mjs')).container);`,
    );
    const alone = await run(join(outdir, 'container-alone.mjs'), outdir, {});
    expect(alone.lines).toEqual(['object']);
    const all = await run(join(outdir, 'all.mjs'), outdir, {});
    const expected = Object.fromEntries(Object.entries(main).map(([name, value]) => [name, typeof value]));
    expect(JSON.parse(all.lines.join(''))).toEqual(expected);
  });
});
