import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { CompactEncrypt, importJWK, type JWK } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { PrivateKeys, type PublicJwkSet } from '../../src/key/private-keys.ts';
import { readSettings } from '../../src/settings.ts';
import { oidcRs } from '../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'oidc-rs-keygen-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What an API makes of an `.env` file. */
function keysOf(env: Record<string, string | undefined>): PrivateKeys {
  const { settings, problems } = readSettings({ env });
  expect(problems).toEqual([]);
  const { keys, problems: keyProblems } = PrivateKeys.read({
    pem: settings.OIDC_RS_PRIVATE_KEY_STR,
    keyType: settings.OIDC_RS_ENCRYPTION_KEY_TYPE,
    algorithm: settings.OIDC_RS_ENCRYPTION_ALGO,
    encoding: settings.OIDC_RS_ENCRYPTION_ENCODING,
  });
  expect(keyProblems).toEqual([]);
  return keys;
}

const jwksIn = (out: string): PublicJwkSet =>
  JSON.parse(/^# (\{"keys".*)$/m.exec(out)?.[1] ?? '') as PublicJwkSet;

async function encryptTo(jwks: PublicJwkSet, enc = 'A256GCM'): Promise<string> {
  const [jwk] = jwks.keys;
  return new CompactEncrypt(Buffer.from('the answer'))
    .setProtectedHeader({ alg: jwk?.alg ?? '', enc, kid: jwk?.kid ?? '' })
    .encrypt(await importJWK(jwk as JWK, jwk?.alg));
}

describe('oidc-rs keygen', () => {
  it.each([
    [],
    ['--bits', '2048', '--algorithm', 'RSA-OAEP-256', '--encoding', 'A128CBC-HS256'],
    ['--type', 'EC'],
    ['--type', 'EC', '--curve', 'P-384', '--algorithm', 'ECDH-ES'],
    ['--type', 'EC', '--curve', 'P-521'],
    ['--type', 'OKP'],
    ['--type', 'OKP', '--curve', 'X25519', '--algorithm', 'ECDH-ES+A128KW'],
  ])(
    '%j: what it prints is an .env file, whose key decrypts what is encrypted to what it says to register',
    async (...args) => {
      const run = await oidcRs(['keygen', ...args]);
      expect(run).toMatchObject({ code: 0, err: '' });
      const env = parseEnv(run.out) as Record<string, string>;
      expect(run.out.split('\n').filter((line) => line !== '' && !/^(#|OIDC_RS_\w+=)/.test(line))).toEqual(
        [],
      );
      const keys = keysOf(env);
      expect(jwksIn(run.out)).toEqual(keys.publicJwkSet);
      expect(JSON.stringify(jwksIn(run.out))).not.toContain('"d"');
      const jwe = await encryptTo(jwksIn(run.out), env.OIDC_RS_ENCRYPTION_ENCODING);
      expect((await keys.decrypt(jwe)).plaintext).toBe('the answer');
    },
  );

  it('writes the key to a file that only its owner may read, and never over another', async () => {
    const out = join(folder, 'key.pem');
    const jwksOut = join(folder, 'jwks.json');
    const before = process.umask(0);
    const run = await oidcRs(['keygen', '--type', 'EC', '--out', out, '--jwks-out', jwksOut]).finally(() =>
      process.umask(before),
    );
    expect(run.code).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(run.out).toContain(`OIDC_RS_PRIVATE_KEY_STR_FILE=${out}`);
    expect(run.out + run.err).not.toContain('PRIVATE KEY--');
    expect(keysOf(parseEnv(run.out) as Record<string, string>).publicJwkSet).toEqual(
      JSON.parse(readFileSync(jwksOut, 'utf8')),
    );
    const pem = readFileSync(out, 'utf8');
    const again = await oidcRs(['keygen', '--type', 'EC', '--out', out]);
    expect(again).toEqual({
      code: 2,
      out: '',
      err: `--out: ${out} is there already and is not overwritten.\n`,
    });
    expect(readFileSync(out, 'utf8')).toBe(pem);
  });

  it('--rotate puts a new key in front; the old one goes on decrypting, and is published no more', async () => {
    const file = join(folder, 'rotating.pem');
    const first = await oidcRs(['keygen', '--type', 'EC', '--out', file]);
    const old = jwksIn(first.out);
    const jwe = await encryptTo(old);
    const run = await oidcRs(['keygen', '--type', 'EC', '--rotate', file]);
    expect(run.code).toBe(0);
    expect(run.err).toMatch(/new key is in front, and the only one that is published/);
    const keys = keysOf(parseEnv(run.out));
    expect((await keys.decrypt(jwe)).plaintext).toBe('the answer');
    expect((await keys.decrypt(await encryptTo(jwksIn(run.out)))).plaintext).toBe('the answer');
    expect(jwksIn(run.out).keys).toHaveLength(1);
    expect(jwksIn(run.out).keys[0]?.kid).not.toBe(old.keys[0]?.kid);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('--rotate changes nothing where the old keys do not fit, or are too many', async () => {
    const file = join(folder, 'other.pem');
    await oidcRs(['keygen', '--type', 'EC', '--out', file]);
    const pem = readFileSync(file, 'utf8');
    const other = await oidcRs(['keygen', '--bits', '2048', '--rotate', file]);
    expect(other.code).toBe(2);
    expect(other.err).toContain('is of type EC while OIDC_RS_ENCRYPTION_KEY_TYPE is RSA');
    expect(readFileSync(file, 'utf8')).toBe(pem);
    writeFileSync(file, pem.repeat(8));
    const many = await oidcRs(['keygen', '--type', 'EC', '--rotate', file]);
    expect(many).toMatchObject({ code: 2, out: '' });
    expect(many.err).toContain('has more than 8 keys: remove the oldest, at the end');
    expect(readFileSync(file, 'utf8')).toBe(pem.repeat(8));
  });

  it('--json is one object with the settings and the public keys', async () => {
    const { out } = await oidcRs(['keygen', '--type', 'OKP', '--json']);
    const { settings, jwks } = JSON.parse(out) as { settings: Record<string, string>; jwks: PublicJwkSet };
    expect(keysOf(settings).publicJwkSet).toEqual(jwks);
  });

  it.each([
    [['--type', 'EC', '--bits', '2048'], /--bits is for --type RSA/],
    [['--curve', 'P-256'], /--curve is for --type EC and OKP/],
    [['--type', 'EC', '--curve', 'P-512'], /one of P-256, P-384, P-521/],
    [['--type', 'OKP', '--curve', 'X448'], /is X25519/],
    [['--bits', '2500'], /one of 2048, 3072, 4096/],
    [['--algorithm', 'ECDH-ES'], /one of RSA-OAEP, /],
    [['--type', 'DSA'], /Allowed choices are RSA, EC, OKP/],
    [['--out', '/no/such/folder/key.pem'], /cannot be written \(ENOENT\)/],
    [['--rotate', '/no/such/key.pem'], /cannot be read \(ENOENT\)/],
  ])('%j ends with 2 and says what is right', async (args, message) => {
    const run = await oidcRs(['keygen', ...args]);
    expect(run).toMatchObject({ code: 2, out: '' });
    expect(run.err).toMatch(message);
  });
});
