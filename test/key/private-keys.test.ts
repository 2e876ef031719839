import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { inspect } from 'node:util';
import * as jose from 'jose';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DecryptionError, PrivateKeys, type KeyType, type PublicJwk } from '../../src/key/private-keys.ts';
import { Secret } from '../../src/secret.ts';

// Counts how often a message got as far as a key: a refused header must not.
const usesOfKeys = vi.hoisted(() => vi.fn());
vi.mock(import('../../src/key/jwe.ts'), async (original) => {
  const { decryptWith } = await original();
  return {
    decryptWith: (...of) => {
      const decrypt = decryptWith(...of);
      return (jwe) => {
        usesOfKeys();
        return decrypt(jwe);
      };
    },
  };
});
beforeEach(() => {
  usesOfKeys.mockClear();
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
// Long enough to be decrypted with in another thread.
const rsaLong = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
const rsaOld = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const rsaWeak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
const p256 = ec('P-256');
const x25519 = generateKeyPairSync('x25519').privateKey;

type Format = 'pkcs8' | 'pkcs1' | 'sec1';
const pem = (key: KeyObject, type: Format = 'pkcs8') => key.export({ type, format: 'pem' }) as string;
const publicPem = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;

function read(text: string | undefined, keyType: KeyType = 'RSA', algorithm?: string, encoding = 'A256GCM') {
  return PrivateKeys.read({
    pem: text === undefined ? undefined : new Secret(text),
    keyType,
    algorithm: algorithm ?? (keyType === 'RSA' ? 'RSA-OAEP' : 'ECDH-ES'),
    encoding,
  });
}

function readGood(...parameters: Parameters<typeof read>): PrivateKeys {
  const { keys, problems } = read(...parameters);
  expect(problems).toEqual([]);
  return keys;
}

function firstOf(keys: PrivateKeys): PublicJwk {
  const [jwk] = keys.publicJwkSet.keys;
  if (jwk === undefined) throw new Error('no key is published');
  return jwk;
}

/** Encrypts as an authorization server does: with what `/jwks` publishes. */
async function encrypt(jwk: PublicJwk, enc = 'A256GCM', header: object = {}, plaintext = 'secret text') {
  return new jose.CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg: jwk.alg, enc, kid: jwk.kid, ...header })
    .encrypt(await jose.importJWK({ ...jwk }));
}

/** A JWE whose header says what it likes and whose parts all fit it: AES-256-GCM, the key wrapped by RSA. */
function forge(
  header: object,
  options: { padding?: number; plaintext?: string | Buffer; keyBytes?: 16 | 32; to?: KeyObject } = {},
): string {
  const { padding = constants.RSA_PKCS1_OAEP_PADDING, to = rsa } = options;
  const { plaintext = 'secret text', keyBytes = 32 } = options;
  const cek = randomBytes(keyBytes);
  const iv = randomBytes(12);
  const aad = Buffer.from(JSON.stringify(header)).toString('base64url');
  const cipher = createCipheriv(keyBytes === 32 ? 'aes-256-gcm' : 'aes-128-gcm', cek, iv).setAAD(
    Buffer.from(aad),
  );
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const wrapped = publicEncrypt({ key: createPublicKey(to), padding }, cek);
  const parts = [wrapped, iv, ciphertext, cipher.getAuthTag()];
  return [aad, ...parts.map((part) => part.toString('base64url'))].join('.');
}

async function expectRefused(keys: PrivateKeys, jwe: string): Promise<DecryptionError> {
  const error: unknown = await keys.decrypt(jwe).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DecryptionError)) throw new Error('was decrypted, or failed otherwise');
  expect(error.message).toBe(new DecryptionError().message);
  expect(error.cause).toBeUndefined();
  return error;
}

/** Refused by its header alone. */
async function expectRefusedEarly(keys: PrivateKeys, jwe: string): Promise<void> {
  await expectRefused(keys, jwe);
  expect(usesOfKeys).not.toHaveBeenCalled();
}

describe('reading private keys', () => {
  it.each([
    ['RSA', 'PKCS#8', pem(rsa)],
    ['RSA', 'PKCS#1', pem(rsa, 'pkcs1')],
    ['EC', 'PKCS#8', pem(p256)],
    ['EC', 'SEC1', pem(p256, 'sec1')],
    ['OKP', 'PKCS#8', pem(x25519)],
  ] as const)('reads a key of type %s from %s (P5)', (keyType, _, text) => {
    expect(firstOf(readGood(text, keyType)).kty).toBe(keyType);
  });

  it('reads newlines that an environment file kept as \\n (P5)', () => {
    const text = pem(rsa);
    expect(readGood(text.replaceAll('\n', '\\n')).publicJwkSet).toEqual(readGood(text).publicJwkSet);
    expect(readGood(text.replaceAll('\n', '\r\n')).publicJwkSet).toEqual(readGood(text).publicJwkSet);
  });

  it('reads what "openssl ecparam -genkey" and "openssl pkcs12" write around a key', () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    readGood(`${parameters}Bag Attributes\n    friendlyName: api\n${pem(p256, 'sec1')}`, 'EC');
  });

  it('reads up to eight keys, in any format each', () => {
    readGood(pem(rsa) + pem(rsaOld, 'pkcs1').repeat(7));
    expect(read(pem(rsa).repeat(9)).problems).toEqual([
      'OIDC_RS_PRIVATE_KEY_STR has more than 8 keys: remove the oldest, at the end.',
    ]);
  });

  it('has no key and no problem without a PEM', async () => {
    const { keys, problems } = read(undefined, 'RSA', 'ECDH-ES', 'nonsense');
    expect(problems).toEqual([]);
    expect(keys.publicJwkSet).toEqual({ keys: [] });
    await expectRefused(keys, forge({ alg: 'ECDH-ES', enc: 'nonsense' }));
  });

  const encrypted = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  it.each([
    ['PKCS#8', rsa.export({ type: 'pkcs8', ...encrypted }) as string],
    ['PKCS#1', rsa.export({ type: 'pkcs1', ...encrypted }) as string],
    ['SEC1', p256.export({ type: 'sec1', ...encrypted }) as string],
  ])('refuses an encrypted PEM (P5): %s', (_, text) => {
    expect(read(text).problems).toEqual([
      'OIDC_RS_PRIVATE_KEY_STR is encrypted. Decrypt it with: openssl pkey -in encrypted.pem -out key.pem',
    ]);
  });

  it.each([
    ['a public key', publicPem(rsa), 'is a public key'],
    [
      'a PKCS#1 public key',
      createPublicKey(rsa).export({ type: 'pkcs1', format: 'pem' }) as string,
      'is a public key',
    ],
    ['a certificate', pem(rsa).replaceAll('PRIVATE KEY', 'CERTIFICATE'), 'is a certificate'],
    ['an OpenSSH key', pem(rsa).replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY'), 'format of OpenSSH'],
    ['words', 'correct horse battery staple', 'is not PEM'],
    ['nothing', '', 'is not PEM'],
    ['a block without an end', pem(rsa).replace(/-----END.*/, ''), 'is not PEM'],
    ['a good block and half of one', pem(rsa) + pem(rsaOld).replace(/-----END.*/, ''), 'is not PEM'],
    ['half a block and a good one', pem(rsaOld).replace(/-----END.*/, '') + pem(rsa), 'is not PEM'],
    ['a lost line', pem(rsa).split('\n').toSpliced(5, 1).join('\n'), 'cannot be read'],
    ['an unknown label', pem(rsa).replaceAll('PRIVATE KEY', 'SPAM'), 'cannot be read'],
    ['a weak RSA key', pem(rsaWeak), 'less than 2048 bits'],
    [
      'an RSA-PSS key',
      pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey),
      'cannot decrypt here',
    ],
    ['an Ed25519 key', pem(generateKeyPairSync('ed25519').privateKey), 'cannot decrypt here'],
    ['an X448 key', pem(generateKeyPairSync('x448').privateKey), 'cannot decrypt here'],
    ['a secp256k1 key', pem(ec('secp256k1')), 'curve that is not supported'],
  ])('refuses %s by a sentence that holds nothing of it (P1, P5)', (_, text, wrong) => {
    const { keys, problems } = read(text);
    expect(problems).toHaveLength(1);
    const [problem = ''] = problems;
    expect(problem).toMatch(/^OIDC_RS_PRIVATE_KEY_STR /);
    expect(problem).toContain(wrong);
    expect(problem).not.toContain('\n');
    expect(problem).not.toContain('SPAM');
    for (const line of text.split('\n')) {
      if (line.length > 16 && !line.startsWith('-----')) expect(problem).not.toContain(line.slice(0, 16));
    }
    expect(keys.publicJwkSet).toEqual({ keys: [] });
  });

  it('names every bad key of several by its position (P5)', () => {
    const { keys, problems } = read(pem(rsa) + publicPem(rsa) + pem(rsaWeak));
    expect(problems).toEqual([
      expect.stringMatching(/^OIDC_RS_PRIVATE_KEY_STR \(key 2 of 3\) is a public key/),
      expect.stringMatching(/^OIDC_RS_PRIVATE_KEY_STR \(key 3 of 3\) is an RSA key of less/),
    ]);
    expect(keys.publicJwkSet).toEqual({ keys: [] });
  });

  it('refuses an EC key with an RSA algorithm, and says what to set (P5)', () => {
    expect(read(pem(p256), 'RSA').problems).toEqual([
      'OIDC_RS_PRIVATE_KEY_STR is of type EC while OIDC_RS_ENCRYPTION_KEY_TYPE is RSA: set OIDC_RS_ENCRYPTION_KEY_TYPE=EC and OIDC_RS_ENCRYPTION_ALGO=ECDH-ES, or give a key of type RSA.',
    ]);
    expect(read(pem(x25519), 'EC').problems).toEqual([
      'OIDC_RS_PRIVATE_KEY_STR is of type OKP while OIDC_RS_ENCRYPTION_KEY_TYPE is EC: set OIDC_RS_ENCRYPTION_KEY_TYPE=OKP, or give a key of type EC.',
    ]);
    expect(read(pem(p256), 'EC', 'RSA-OAEP').problems).toEqual([
      expect.stringMatching(/^OIDC_RS_ENCRYPTION_ALGO .*=EC: use one of ECDH-ES, /),
    ]);
  });

  it.each(['RSA1_5', 'dir', 'PBES2-HS256+A128KW', 'ECDH-ES', 'toString', ''])(
    'refuses the algorithm %j for an RSA key (J4)',
    (algorithm) => {
      expect(read(pem(rsa), 'RSA', algorithm).problems).toEqual([
        'OIDC_RS_ENCRYPTION_ALGO does not fit OIDC_RS_ENCRYPTION_KEY_TYPE=RSA: use one of RSA-OAEP, RSA-OAEP-256, RSA-OAEP-384, RSA-OAEP-512.',
      ]);
    },
  );

  it('refuses an unknown encoding beside every other problem', () => {
    expect(read(publicPem(rsa), 'RSA', 'dir', 'A256CBC').problems).toEqual([
      expect.stringMatching(/^OIDC_RS_PRIVATE_KEY_STR /),
      expect.stringMatching(/^OIDC_RS_ENCRYPTION_ALGO /),
      expect.stringMatching(/^OIDC_RS_ENCRYPTION_ENCODING must be one of .*A128CBC-HS256/),
    ]);
  });
});

describe('the published key set', () => {
  it.each([
    ['RSA', rsa, ['alg', 'e', 'kid', 'kty', 'n', 'use']],
    ['EC', p256, ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']],
    ['OKP', x25519, ['alg', 'crv', 'kid', 'kty', 'use', 'x']],
  ] as const)('has only the public members of a key of type %s (P1)', (keyType, key, members) => {
    const jwk = firstOf(readGood(pem(key), keyType));
    expect(Object.keys(jwk).sort()).toEqual(members);
    const { d, p, q, dp, dq, qi } = key.export({ format: 'jwk' });
    for (const secret of [d, p, q, dp, dq, qi]) {
      if (secret !== undefined) expect(JSON.stringify(jwk)).not.toContain(secret);
    }
  });

  it.each([
    ['RSA', rsa],
    ['EC', ec('P-521')],
    ['OKP', x25519],
  ] as const)(
    'names a key of type %s by its thumbprint, with use and alg, the same each time (P2)',
    async (keyType, key) => {
      const jwk = firstOf(readGood(pem(key), keyType));
      expect(jwk.kid).toBe(await jose.calculateJwkThumbprint({ ...jwk }));
      expect(jwk).toMatchObject({ use: 'enc', alg: keyType === 'RSA' ? 'RSA-OAEP' : 'ECDH-ES' });
      expect(firstOf(readGood(pem(key), keyType))).toEqual(jwk);
    },
  );

  it('has the first key alone, and is frozen (J13, P1)', () => {
    const { publicJwkSet } = readGood(pem(rsa) + pem(rsaOld));
    expect(publicJwkSet).toEqual(readGood(pem(rsa)).publicJwkSet);
    expect([publicJwkSet, publicJwkSet.keys, publicJwkSet.keys[0]].every(Object.isFrozen)).toBe(true);
  });

  it('is all that printing the keys shows (P1)', () => {
    const keys = readGood(pem(rsa));
    expect(JSON.stringify(keys)).toBe(JSON.stringify({ publicJwkSet: keys.publicJwkSet }));
    expect(inspect(keys, { depth: 9, showHidden: true })).not.toMatch(/KeyObject|PRIVATE/);
  });
});

describe('decrypting', () => {
  const encodings = ['A256GCM', 'A128CBC-HS256'];
  const rows = [
    ...['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'].flatMap((alg) =>
      [rsa, rsaLong].map((key) => ['RSA', alg, key] as const),
    ),
    ...['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'].flatMap((alg) => [
      ...['P-256', 'P-384', 'P-521'].map((curve) => ['EC', alg, ec(curve)] as const),
      ['OKP', alg, x25519] as const,
    ]),
  ].flatMap(([type, alg, key]) =>
    [...encodings, ...(type === 'RSA' ? ['A128GCM', 'A192GCM'] : [])].map((enc) => ({
      type,
      alg,
      enc,
      key,
      curve: curveOf(key),
    })),
  );

  function curveOf(key: KeyObject): string {
    const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
    return namedCurve ?? String(modulusLength ?? key.asymmetricKeyType);
  }

  it.each(rows)('decrypts $alg with $enc ($curve)', async ({ type, alg, enc, key }) => {
    const keys = readGood(pem(key), type, alg, enc);
    const { plaintext, header } = await keys.decrypt(
      await encrypt(firstOf(keys), enc, { cty: 'JWT' }, 'grüße'),
    );
    expect(plaintext).toBe('grüße');
    expect(header).toMatchObject({ alg, enc, cty: 'JWT', kid: firstOf(keys).kid });
  });

  const keys = readGood(pem(rsa));
  const good = { alg: 'RSA-OAEP', enc: 'A256GCM' };

  it('decrypts what the forger of these tests makes, so that its forgeries fail for what they say', async () => {
    expect((await keys.decrypt(forge(good))).plaintext).toBe('secret text');
  });

  it.each([
    ['RSA1_5', forge({ ...good, alg: 'RSA1_5' }, { padding: constants.RSA_PKCS1_PADDING })],
    ['another RSA-OAEP', forge({ ...good, alg: 'RSA-OAEP-256' })],
    ['dir', forge({ ...good, alg: 'dir' })],
    ['PBES2 with a huge p2c', forge({ ...good, alg: 'PBES2-HS256+A128KW', p2c: 2e9, p2s: 'AAAAAAAAAAAA' })],
    ['an alg in other letters', forge({ ...good, alg: 'rsa-oaep' })],
    ['a list of algs', forge({ ...good, alg: ['RSA-OAEP'] })],
    ['no alg', forge({ enc: 'A256GCM' })],
    ['alg in __proto__', forge(JSON.parse('{"enc":"A256GCM","__proto__":{"alg":"RSA-OAEP"}}') as object)],
    ['another enc', forge({ ...good, enc: 'A128CBC-HS256' })],
    ['no enc', forge({ alg: 'RSA-OAEP' })],
  ])('refuses %s before any work with a key (J4, X4)', async (_, jwe) => {
    await expectRefusedEarly(keys, jwe);
  });

  it('refuses a good message under another algorithm than the configured one (J4)', async () => {
    const other = readGood(pem(rsa), 'RSA', 'RSA-OAEP-256');
    await expectRefusedEarly(keys, await encrypt(firstOf(other)));
    const cbc = await encrypt(firstOf(keys), 'A128CBC-HS256');
    await expectRefusedEarly(keys, cbc);
  });

  it.each([rsa, rsaLong])('says the same of every failed decryption (J4)', async (own) => {
    const keys = readGood(pem(own));
    const jwe = await encrypt(firstOf(keys));
    const foreign = await encrypt(firstOf(readGood(pem(rsaOld))));
    const [header = '', key = '', iv = '', ciphertext = '', tag = ''] = jwe.split('.');
    const flip = (part: string) => (part.startsWith('A') ? 'B' : 'A') + part.slice(1);
    const broken = [
      foreign,
      forge(good, { keyBytes: 16, to: own }),
      [header, flip(key), iv, ciphertext, tag],
      [header, key.slice(0, 8), iv, ciphertext, tag],
      [header, key, flip(iv), ciphertext, tag],
      [header, key, 'AAAA', ciphertext, tag],
      [header, key, iv, flip(ciphertext), tag],
      [header, key, iv, ciphertext, flip(tag)],
      [header, key, iv, ciphertext, 'AAAA'],
      // The first 12 of its 16 bytes.
      [header, key, iv, ciphertext, tag.slice(0, 16)],
      [Buffer.from(JSON.stringify(good)).toString('base64url'), key, iv, ciphertext, tag],
    ];
    for (const parts of broken) {
      await expectRefused(keys, typeof parts === 'string' ? parts : parts.join('.'));
    }
    await expectRefused(keys, forge(good, { plaintext: Buffer.from([0xff, 0xfe]), to: own }));
  });

  it('refuses what is no compact JWE before any work with a key (J4)', async () => {
    const jwe = await encrypt(firstOf(keys));
    const parts = jwe.split('.');
    const withPart = (index: number, part: string) => parts.with(index, part).join('.');
    const header = (text: string) => Buffer.from(text).toString('base64url');
    const shapes = [
      '',
      '....',
      parts.slice(0, 4).join('.'),
      `${jwe}.AAAA`,
      `${jwe}${'.'.repeat(100_000)}`,
      ...parts.map((_, index) => withPart(index, '')),
      ...parts.map((part, index) => withPart(index, `${part}=`)),
      ...parts.map((part, index) => withPart(index, ` ${part}`)),
      ...parts.map((part, index) => withPart(index, `${part}\n`)),
      withPart(0, header('[]')),
      withPart(0, header('null')),
      withPart(0, header('"RSA-OAEP"')),
      withPart(0, header('{"alg":"RSA-OAEP","enc":"A256GCM"')),
      withPart(
        0,
        Buffer.from('{"alg":"RSA-OAEP","enc":"A256GCM","kid":"\xff"}', 'latin1').toString('base64url'),
      ),
    ];
    for (const shape of shapes) await expectRefusedEarly(keys, shape);
  });

  it('refuses an encrypted key where ECDH-ES has none, and none where there has to be one (J4)', async () => {
    const direct = readGood(pem(p256), 'EC');
    const [header, , ...rest] = (await encrypt(firstOf(direct))).split('.');
    await expectRefusedEarly(direct, [header, 'AAAA', ...rest].join('.'));
    const wrapping = readGood(pem(p256), 'EC', 'ECDH-ES+A256KW');
    const [wrapped, , ...parts] = (await encrypt(firstOf(wrapping))).split('.');
    await expectRefusedEarly(wrapping, [wrapped, '', ...parts].join('.'));
  });

  it.each([
    ['missing', undefined],
    ['on another curve', ec('P-384').export({ format: 'jwk' })],
    ['off its curve', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }],
    ['text', 'P-256'],
  ])('refuses an ephemeral key that is %s (J4)', async (_, epk) => {
    const direct = readGood(pem(p256), 'EC');
    const [, ...rest] = (await encrypt(firstOf(direct))).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'ECDH-ES', enc: 'A256GCM', epk })).toString('base64url');
    await expectRefused(direct, [header, ...rest].join('.'));
  });

  it('inflates nothing: refuses zip before any work with a key (J5)', async () => {
    const bomb = await encrypt(firstOf(keys), 'A256GCM', { zip: 'DEF' }, 'a'.repeat(200_000));
    expect(bomb.length).toBeLessThan(2000);
    await expectRefusedEarly(keys, bomb);
    await expectRefusedEarly(keys, forge({ ...good, zip: null }));
  });

  it.each([[['exp']], [['b64']], [[]], ['exp'], [null]])(
    'refuses crit %j before any work with a key (J6)',
    async (crit) => {
      await expectRefusedEarly(keys, forge({ ...good, crit, exp: 1, b64: true }));
    },
  );

  it.each([
    { jwk: rsaOld.export({ format: 'jwk' }) },
    { jku: 'http://169.254.169.254/jwks', x5u: 'file:///etc/passwd', x5c: ['AAAA'] },
    { iss: 'https://evil.example', aud: {}, typ: 7, cty: [] },
    { kid: '../../etc/passwd' },
    { kid: "' OR 1=1 --" },
    { kid: { toString: 'x' } },
    { kid: '__proto__' },
    { kid: null },
  ])('takes nothing from %j in the header (J6)', async (members) => {
    expect((await keys.decrypt(forge({ ...good, ...members }))).plaintext).toBe('secret text');
  });

  it('decrypts with an old key, by its kid, by an unknown kid and without one (J13)', async () => {
    const old = readGood(pem(rsaOld));
    const rotated = readGood(pem(rsa) + pem(rsaOld));
    for (const header of [{}, { kid: 'unknown' }, { kid: undefined }, { kid: firstOf(rotated).kid }]) {
      const jwe = await encrypt(firstOf(old), 'A256GCM', header);
      expect((await rotated.decrypt(jwe)).plaintext).toBe('secret text');
      await expectRefused(keys, jwe);
    }
  });

  it('decrypts with keys on different curves, whichever the message is for (J13)', async () => {
    const keys = [p256, ec('P-384'), ec('P-521')];
    const rotated = readGood(keys.map((key) => pem(key)).join(''), 'EC');
    for (const key of keys) {
      const jwe = await encrypt(firstOf(readGood(pem(key), 'EC')), 'A256GCM', { kid: undefined });
      expect((await rotated.decrypt(jwe)).plaintext).toBe('secret text');
    }
  });
});
