import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { readSettings } from '../../src/settings.ts';

function read(name: 'OIDC_RS_PRIVATE_KEY_STR' | 'OIDC_CA', text: string): string | undefined {
  const { settings, problems } = readSettings({ env: { [name]: text } });
  expect(problems).toEqual([]);
  const value = settings[name];
  return typeof value === 'string' ? value : value?.reveal();
}

function problem(name: string, written: unknown): string {
  const { problems } = readSettings({ env: {}, settings: { [name]: written } });
  expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  return problems[0] ?? '';
}

describe('private keys in PEM (P5, X6)', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  const sec1 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'sec1',
    format: 'pem',
  }) as string;
  const protection = { cipher: 'aes-256-cbc', passphrase: 'x', format: 'pem' } as const;
  const encrypted8 = privateKey.export({ type: 'pkcs8', ...protection }) as string;
  const encrypted1 = privateKey.export({ type: 'pkcs1', ...protection }) as string;

  const key = (text: string): string | undefined => read('OIDC_RS_PRIVATE_KEY_STR', text);

  it('reads PKCS#8, PKCS#1, SEC1 and encrypted keys, and what it has normalized again to the same', () => {
    for (const pem of [pkcs8, pkcs1, sec1, encrypted8, encrypted1]) expect(key(pem)).toBe(pem);
  });

  it('reads several keys in their order', () => {
    expect(key(pkcs8 + sec1 + pkcs1)).toBe(pkcs8 + sec1 + pkcs1);
  });

  it('reads every way to carry line breaks (P5)', () => {
    const spellings = [
      pkcs8.replaceAll('\n', '\\n'),
      pkcs8.replaceAll('\n', '\\r\\n'),
      pkcs8.replaceAll('\n', '\r\n'),
      pkcs8.replaceAll('\n', '\r'),
      pkcs8.replaceAll('\n', ' '),
      pkcs8.trim(),
      `  ${pkcs8.replaceAll('\n', '\n   ')}\n\n`,
      `"${pkcs8}"`,
      `'${pkcs8.replaceAll('\n', '\\n')}'`,
      `"""${pkcs8}"""`,
      Buffer.from(pkcs8).toString('base64'),
      `"${Buffer.from(pkcs8).toString('base64')}"`,
      Buffer.from(pkcs8.replaceAll('\n', '\r\n')).toString('base64'),
      Buffer.from(pkcs8).toString('base64').replace(/.{76}/g, '$&\n'),
    ];
    for (const text of spellings) expect(key(text)).toBe(pkcs8);
    expect(key(encrypted1.replaceAll('\n', '\\n'))).toBe(encrypted1);
    expect(key(encrypted1.replaceAll('\n', '\r\n'))).toBe(encrypted1);
  });

  it('leaves out what openssl writes around keys', () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    expect(key(`Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n${pkcs8}`)).toBe(pkcs8);
    expect(key(parameters + sec1)).toBe(sec1);
  });

  const publicPem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----';
  it.each([
    [
      'a placeholder',
      '-----BEGIN PRIVATE KEY-----\nYOUR_PRIVATE_KEY_HERE\n-----END PRIVATE KEY-----',
      /not base64/,
    ],
    ['dots', '-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----', /not base64/],
    [
      'base64 of a wrong length',
      '-----BEGIN PRIVATE KEY-----\nAAAAA\n-----END PRIVATE KEY-----',
      /not base64/,
    ],
    ['an empty block', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----', /not base64/],
    ['a path', '/etc/keys/private.pem', /is not PEM/],
    ['a JWK', '{"kty":"RSA"}', /is not PEM/],
    ['a key without its end', pkcs8.replace(/-----END.*/, ''), /is not PEM/],
    ['a second key without its end', pkcs8 + pkcs1.replace(/-----END.*/, ''), /without its end/],
    ['ends that do not match', pkcs8.replace('END PRIVATE', 'END RSA PRIVATE'), /is not PEM/],
    ['a public key', publicPem, /not a private key/],
    ['a public key beside a private one', pkcs8 + publicPem, /not a private key/],
    [
      'only curve parameters',
      '-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----',
      /is not PEM/,
    ],
    ['an array', [pkcs8], /must be PEM/],
  ])('refuses %s, and does not show it', (_, written, wrong) => {
    const text = problem('OIDC_RS_PRIVATE_KEY_STR', written);
    expect(text).toMatch(wrong);
    expect(text).not.toContain(pkcs8.slice(60, 100));
  });
});

describe('certificates in PEM (A4, X6)', () => {
  // As OpenSSL writes them: 64 characters a line.
  const [first = '', second = ''] = rootCertificates.map((pem) => new X509Certificate(pem).toString());

  it('reads one or several, with any line breaks', () => {
    expect(read('OIDC_CA', first)).toBe(first);
    expect(read('OIDC_CA', rootCertificates[0] ?? '')).toBe(first);
    expect(read('OIDC_CA', (first + second).replaceAll('\n', '\\n'))).toBe(first + second);
  });

  it.each([
    ['a path', '/etc/ssl/ca.pem', /is not PEM/],
    ['a truncated one', first.replace(/\n.{64}\n/, '\n'), /cannot be read/],
    [
      'a wrong one after a right one',
      `${first}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`,
      /cannot be/,
    ],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', /not a certificate/],
  ])('refuses %s', (_, written, wrong) => {
    expect(problem('OIDC_CA', written)).toMatch(wrong);
  });
});
