import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

import { afterAll, describe, expect, it } from 'vitest';

import { readSettings, type SettingName, type SettingsReading } from '../../src/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'settings-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
function fileWith(content: string): string {
  const path = join(folder, `file-${++files}`);
  writeFileSync(path, content);
  return path;
}

/** Both sources, which must agree. */
function read(settings: Record<string, string>): SettingsReading {
  const reading = readSettings({ env: settings });
  expect(readSettings({ env: {}, settings })).toEqual(reading);
  return reading;
}

function secretFrom(content: string): string | undefined {
  const reading = read({ OIDC_RS_CLIENT_SECRET_FILE: fileWith(content) });
  expect(reading.problems).toEqual([]);
  return reading.settings.OIDC_RS_CLIENT_SECRET?.reveal();
}

const PEM = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';

describe('values in files', () => {
  it('are read for every secret and PEM setting', () => {
    const contents: Partial<Record<SettingName, string>> = {
      OIDC_RS_CLIENT_SECRET: 'first',
      OIDC_RP_CLIENT_SECRET: 'second',
      OIDC_RS_PRIVATE_KEY_STR: PEM,
      OIDC_CA: new X509Certificate(rootCertificates[0] ?? '').toString(),
      OIDC_PROXY: 'http://user:password@proxy:3128',
    };
    const entries = Object.entries(contents).map(([name, content]) => [`${name}_FILE`, fileWith(content)]);
    const { settings, problems, warnings } = read(Object.fromEntries(entries) as Record<string, string>);
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    for (const [name, content] of Object.entries(contents)) {
      const value = settings[name as SettingName];
      expect(typeof value === 'object' && 'reveal' in value ? value.reveal() : value).toBe(content);
    }
  });

  it('lose one line break at the end, and nothing else', () => {
    expect(secretFrom('s3cret')).toBe('s3cret');
    expect(secretFrom('s3cret\n')).toBe('s3cret');
    expect(secretFrom('s3cret\r\n')).toBe('s3cret');
    expect(secretFrom('s3cret\n\n')).toBe('s3cret\n');
    expect(secretFrom(' s3cret ')).toBe(' s3cret ');
    expect(secretFrom('two\nlines')).toBe('two\nlines');
  });

  it('may be reached through a symbolic link, as in Kubernetes', () => {
    const link = join(folder, 'link');
    symlinkSync(fileWith('s3cret'), link);
    expect(read({ OIDC_RS_CLIENT_SECRET_FILE: link }).settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe(
      's3cret',
    );
  });

  it('stand in for the login module too', () => {
    const { settings } = read({ OIDC_RP_CLIENT_SECRET_FILE: fileWith('login') });
    expect(settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('login');
  });

  it('from the caller win over the environment, whichever way each is given', () => {
    const path = fileWith('from file');
    const read = (env: Record<string, string>, settings: Record<string, string>): string | undefined => {
      const reading = readSettings({ env, settings });
      expect(reading.problems).toEqual([]);
      return reading.settings.OIDC_RS_CLIENT_SECRET?.reveal();
    };
    expect(read({ OIDC_RS_CLIENT_SECRET: 'text' }, { OIDC_RS_CLIENT_SECRET_FILE: path })).toBe('from file');
    expect(read({ OIDC_RS_CLIENT_SECRET_FILE: path }, { OIDC_RS_CLIENT_SECRET: 'text' })).toBe('text');
  });

  it('are a problem beside a value in the same source (X6)', () => {
    const { problems, settings } = read({
      OIDC_RS_CLIENT_SECRET: 's3cret',
      OIDC_RS_CLIENT_SECRET_FILE: fileWith('s3cret'),
    });
    expect(problems).toEqual([
      expect.stringMatching(/^OIDC_RS_CLIENT_SECRET and OIDC_RS_CLIENT_SECRET_FILE are both set/),
    ]);
    expect(problems.join()).not.toContain('s3cret');
    expect(settings.OIDC_RS_CLIENT_SECRET).toBeUndefined();
  });

  it('are read where the value beside them in the environment is blank, and not looked for where the path is', () => {
    const both = { OIDC_RS_CLIENT_SECRET: '', OIDC_RS_CLIENT_SECRET_FILE: fileWith('s3cret') };
    expect(readSettings({ env: both }).settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('s3cret');
    const blankPath = { OIDC_RS_CLIENT_SECRET: 's3cret', OIDC_RS_CLIENT_SECRET_FILE: '' };
    expect(readSettings({ env: blankPath }).settings.OIDC_RS_CLIENT_SECRET?.reveal()).toBe('s3cret');
  });

  it('may have 64 KB and no more (X6)', () => {
    expect(secretFrom('x'.repeat(64 * 1024))).toHaveLength(64 * 1024);
    const path = fileWith('x'.repeat(64 * 1024 + 1));
    expect(read({ OIDC_RS_CLIENT_SECRET_FILE: path }).problems).toEqual([
      expect.stringMatching(/^OIDC_RS_CLIENT_SECRET comes from .* is larger than 64 KB: \//),
    ]);
  });

  it('that cannot be read are named, with their path (X6)', () => {
    const directory = join(folder, 'directory');
    mkdirSync(directory);
    for (const [path, wrong] of [
      [join(folder, 'nowhere'), 'cannot be read (ENOENT)'],
      [directory, 'is not a regular file'],
      ['/dev/zero', 'is not a regular file'],
      ['./no/such/file', 'cannot be read (ENOENT)'],
    ] as const) {
      const { problems, invalid } = read({ OIDC_CA_FILE: path });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(`OIDC_CA comes from OIDC_CA_FILE, and that file ${wrong}: ${path};`);
      expect([...invalid]).toEqual(['OIDC_CA']);
    }
  });

  it('are not named where the secret itself stands in place of the path (E1)', () => {
    for (const secret of ['hunter2-hunter2', PEM, 'a\u0000b']) {
      const { problems } = read({ OIDC_RS_CLIENT_SECRET_FILE: secret });
      expect(problems).toEqual([
        expect.stringMatching(/^OIDC_RS_CLIENT_SECRET comes .* cannot be read \(\w+\); /),
      ]);
      expect(problems.join()).not.toContain(secret);
    }
  });

  it('are judged like values: blank, undefined and malformed are problems, without their content (X6)', () => {
    for (const [name, content, wrong] of [
      ['OIDC_RS_CLIENT_SECRET', '', 'is blank'],
      ['OIDC_RS_CLIENT_SECRET', ' \n', 'is blank'],
      ['OIDC_PROXY', '\n', 'is blank'],
      ['OIDC_CA', '', 'is blank'],
      ['OIDC_RS_CLIENT_SECRET', 'undefined\n', 'is the text "undefined"'],
      ['OIDC_RS_PRIVATE_KEY_STR', 'hunter2', 'is not PEM'],
      ['OIDC_PROXY', 'hunter2', 'must be an http'],
    ] as const) {
      const { problems } = read({ [`${name}_FILE`]: fileWith(content) });
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} .*${wrong}`))]);
      expect(problems.join()).not.toContain('hunter2');
    }
  });

  it('must have a path from the caller that is text', () => {
    for (const path of ['', 5, null, ['x']]) {
      const settings = { OIDC_CA_FILE: path as string };
      expect(readSettings({ env: {}, settings }).problems).toEqual([
        expect.stringMatching(/^OIDC_CA .*no path/),
      ]);
    }
  });
});
