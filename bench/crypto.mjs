// What each operation of RFC 9701 costs by node:crypto, which holds up the event loop for all of it, and by WebCrypto, which
// works in threads of its own. It says which of the two is right for which operation: docs/decisions/0015.
import { Buffer } from 'node:buffer';
import * as crypto from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table } from './marked.mjs';
import { COMMON_OPTIONS, finish, median } from './report.mjs';

const { values: options } = parseArgs({ options: COMMON_OPTIONS });
const ROUNDS = options.quick ? 1 : 15;
const OPERATIONS = options.quick ? 50 : 400;
const AT_ONCE = 8;
const { subtle } = crypto.webcrypto;

const content = crypto.randomBytes(1024);
const iv = crypto.randomBytes(12);
const key = crypto.randomBytes(32);

async function rsaOaep(modulusLength) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength });
  const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
  const encrypted = crypto.publicEncrypt({ key: publicKey, padding, oaepHash: 'sha1' }, key);
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-1' };
  const webKey = await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['decrypt']);
  return {
    // The key alone: on Node 24 an object of options around it takes longer.
    node: () => crypto.privateDecrypt(privateKey, encrypted),
    web: () => subtle.decrypt(algorithm, webKey, encrypted),
  };
}

async function aesGcm() {
  const cipher = crypto.createCipheriv('aes-256-gcm', key, iv);
  const encrypted = Buffer.concat([cipher.update(content), cipher.final()]);
  const tag = cipher.getAuthTag();
  const whole = Buffer.concat([encrypted, tag]);
  const algorithm = { name: 'AES-GCM', iv, tagLength: 128 };
  return {
    node: () => {
      const decipher = crypto.createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAuthTag(tag);
      return Buffer.concat([decipher.update(encrypted), decipher.final()]);
    },
    // The key is another one in each answer, so that it is imported each time.
    web: async () =>
      subtle.decrypt(algorithm, await subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']), whole),
  };
}

async function signature(pair, importing, verifying) {
  const { privateKey, publicKey } = pair;
  const inDer = crypto.sign('sha256', content, privateKey);
  const signed = crypto.sign('sha256', content, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const webKey = await subtle.importKey('spki', spki, importing, false, ['verify']);
  return {
    node: () => crypto.verify('sha256', content, publicKey, inDer),
    web: () => subtle.verify(verifying, webKey, signed, content),
  };
}

const CASES = {
  'RSA-OAEP, 2048 bits: the key out of a JWE': () => rsaOaep(2048),
  'RSA-OAEP, 4096 bits': () => rsaOaep(4096),
  'A256GCM, 1 KB: the content of a JWE': aesGcm,
  'ES256: the signature of a JWS': () =>
    signature(
      crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      { name: 'ECDSA', namedCurve: 'P-256' },
      { name: 'ECDSA', hash: 'SHA-256' },
    ),
  'RS256, 2048 bits: the signature of a JWS': () =>
    signature(
      crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      { name: 'RSASSA-PKCS1-v1_5' },
    ),
  'SHA-256 of a token: the key of the cache': () => {
    const token = crypto.randomBytes(64);
    return {
      node: () => crypto.createHash('sha256').update(token).digest(),
      web: () => subtle.digest('SHA-256', token),
    };
  },
};

/** For how long the event loop is held up by each of many operations, and how long each takes; in microseconds. */
async function measure(operation) {
  const before = performance.eventLoopUtilization();
  const startedAt = performance.now();
  for (let done = 0; done < OPERATIONS; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, operation));
    // A turn of the loop, so that what is waited for is told apart from work.
    await setImmediate();
  }
  const took = performance.now() - startedAt;
  const { active } = performance.eventLoopUtilization(before);
  return { held: (active * 1000) / OPERATIONS, took: (took * 1000) / OPERATIONS };
}

const rows = [];
for (const [name, prepare] of Object.entries(CASES)) {
  const { node, web } = await prepare();
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const both = [await measure(node), await measure(web)];
    if (round > 0 || options.quick) rounds.push(both);
  }
  const of = (which, member) => median(rounds.map((both) => both[which][member])).toFixed(0);
  rows.push([name, of(0, 'held'), of(1, 'held'), of(1, 'took')]);
}
const page = [
  '### Cryptography',
  `Microseconds for each operation, ${AT_ONCE} at a time; medians of ${ROUNDS} rounds of ${OPERATIONS}. node:crypto holds up the event ` +
    'loop for all of it; WebCrypto for the first figure, while the second passes until the next one is done.',
  table(['', 'node:crypto', 'WebCrypto, event loop', 'WebCrypto, in all'], rows),
].join('\n\n');
finish({ page }, options);
