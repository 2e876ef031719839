import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { createResourceServer, Secret } from 'oidc-resource-server';
import { afterAll, describe, expect, it } from 'vitest';
import { PrivateKeys } from '../../src/key/private-keys.ts';
import { readSettings, settingsSchema } from '../../src/settings.ts';
import { LOGIN_SETTINGS } from '../../src/settings/names.ts';
import { pageAt, PAGES } from './pages.ts';

const NAMES = Object.entries(settingsSchema).flatMap(([name, definition]) =>
  'file' in definition ? [name, `${name}_FILE`] : [name],
);
/** Pages that name more than the settings: what the guide shows as mistakes, and what belongs to the login module. */
const MORE_NAMES: Record<string, Iterable<string>> = {
  'docs/guides/settings.md': ['OIDC_RS_SCOPE', 'OIDC_TIMEOT'],
  'docs/guides/troubleshooting.md': ['OIDC_RS_AUDIENCE'],
  'docs/guides/users.md': ['OIDC_CREATE_USER', 'OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION'],
  'docs/guides/migrating-from-django-lasuite.md': LOGIN_SETTINGS,
  'docs/reference/settings.md': ['OIDC_CREATE_USER'],
  'CHANGELOG.md': ['OIDC_CREATE_USER'],
};

const ENVIRONMENTS = PAGES.flatMap(({ path, fences }) =>
  fences.filter(({ language }) => language === 'env').map((fence) => ({ path, ...fence })),
);

describe('settings in the pages', () => {
  it.each(PAGES.filter(({ text }) => text.includes('OIDC_')))('exist: $path', ({ path, text }) => {
    const named = [...text.matchAll(/\bOIDC_[A-Z0-9_]*[A-Z0-9]\b(?!_)/g)].map(([name]) => name);
    const allowed = new Set([...NAMES, ...(MORE_NAMES[path] ?? [])]);
    expect(named.filter((name) => !allowed.has(name))).toEqual([]);
  });

  it.each(ENVIRONMENTS.filter(({ note }) => note !== 'refused'))('are right: $path:$line', ({ content }) => {
    const env = parseEnv(content) as Record<string, string>;
    expect(Object.keys(env).length).toBeGreaterThan(0);
    const settings = Object.fromEntries(Object.entries(env).filter(([name]) => !name.endsWith('_FILE')));
    const { problems, warnings } = readSettings({ env: settings });
    expect(problems).toEqual([]);
    // The one address that may be plain, with a warning.
    expect(warnings.filter((warning) => !warning.startsWith('OIDC_OP_INTERNAL_URL'))).toEqual([]);
  });

  it.each(['README.md', 'docs/guides/getting-started.md'])('start a resource server: %s', async (path) => {
    const [fence] = ENVIRONMENTS.filter((environment) => environment.path === path);
    const env = parseEnv(fence?.content ?? '') as Record<string, string>;
    expect(Object.keys(env)).toHaveLength(4);
    const logged: string[] = [];
    const ignore = (): void => undefined;
    const logger = {
      debug: ignore,
      info: ignore,
      warn: (_: object, message: string) => logged.push(message),
      error: ignore,
    };
    const resourceServer = await createResourceServer({ env, logger });
    await resourceServer.close();
    expect(logged).toEqual([]);
  });

  it.each(ENVIRONMENTS.filter(({ note }) => note === 'refused'))(
    'are refused in these words: $path:$line',
    async ({ path, content, line }) => {
      const { fences } = pageAt(path);
      const said = fences.find((fence) => fence.line > line && fence.language === 'text');
      const start = createResourceServer({ env: parseEnv(content) });
      await expect(start).rejects.toThrow();
      await start.catch((error: unknown) => {
        expect(`${(error as Error).message}\n`).toBe(said?.content);
      });
    },
  );

  it('the log line in the guide to errors is one that the default logger writes', () => {
    const shown = pageAt('docs/guides/errors.md').fences.find(({ content }) =>
      content.startsWith('[oidc-resource-server]'),
    );
    const message = /warning: (.*) \{"event"/.exec(shown?.content ?? '')?.[1] ?? '';
    expect(message).not.toBe('');
    expect(readFileSync(new URL('../../src/backend/claim-checks.ts', import.meta.url), 'utf8')).toContain(
      message,
    );
  });
});

// The guide is about openssl; everything else runs where it is not installed. Continuous integration requires it.
const withoutOpenssl = process.env.CI === undefined && spawnSync('openssl', ['version']).status !== 0;

describe.skipIf(withoutOpenssl)('the commands in the guide to keys', () => {
  const { fences } = pageAt('docs/guides/jwt-introspection-and-keys.md');
  const commands = fences.filter(({ language, content }) => language === 'sh' && content.includes('openssl'));
  const directory = mkdtempSync(join(tmpdir(), 'keys-guide-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('are all tried', () => {
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.filter(({ note }) => !/^(?:makes: |runs$)/.test(note))).toEqual([]);
  });

  // One after the other, as the guide has them: later ones use the files of earlier ones.
  it.each(commands)('work: line $line', ({ note, content }) => {
    const output = execFileSync('sh', ['-ec', content], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [, file = '', keyType, algorithm = ''] = /^makes: (\S+) (\S+) (\S+)$/.exec(note) ?? [];
    // What is printed is the value of the setting.
    const made = file === '' ? output.toString() : readFileSync(join(directory, file), 'utf8');
    const { problems, settings } = readSettings({
      env: {
        OIDC_RS_PRIVATE_KEY_STR: made,
        OIDC_RS_ENCRYPTION_KEY_TYPE: keyType ?? 'RSA',
        OIDC_RS_ENCRYPTION_ALGO: algorithm === '' ? 'RSA-OAEP' : algorithm,
      },
    });
    expect(problems).toEqual([]);
    const read = PrivateKeys.read({
      pem: settings.OIDC_RS_PRIVATE_KEY_STR ?? new Secret(''),
      keyType: settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
      algorithm: settings.OIDC_RS_ENCRYPTION_ALGO,
      encoding: settings.OIDC_RS_ENCRYPTION_ENCODING,
    });
    expect(read.problems).toEqual([]);
    expect(read.keys.publicJwkSet.keys).toHaveLength(1);
    // While keys are changed, the first one is the new one.
    if (file === 'both.pem') {
      expect(made).toBe(
        ['new.pem', 'private.pem'].map((name) => readFileSync(join(directory, name), 'utf8')).join(''),
      );
    }
  });
});
