import { X509Certificate } from 'node:crypto';

import { FormatError, type Format } from './formats.ts';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * One or more private keys. What kind of key it is, and whether it is encrypted, is not looked at here.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7468 | RFC 7468}
 */
export const privateKeys: Format<string> = {
  description: 'one or more private keys in PEM, its line breaks real or written \\n, or all of it in base64',
  refusesBlank: true,
  read(value) {
    return readBlocks(value, /^(?:(?:RSA|EC|ENCRYPTED) )?PRIVATE KEY$/, 'a private key').join('');
  },
};

/** One or more certificates. */
export const certificates: Format<string> = {
  description: 'one or more certificates in PEM, its line breaks real or written \\n, or all of it in base64',
  read(value) {
    const blocks = readBlocks(value, /^CERTIFICATE$/, 'a certificate');
    for (const block of blocks) {
      try {
        new X509Certificate(block);
      } catch {
        throw new FormatError('has a certificate that cannot be read');
      }
    }
    return blocks.join('');
  },
};

/** Returns each block with real line breaks, and nothing of what stands around them. */
function readBlocks(value: unknown, label: RegExp, wanted: string): string[] {
  if (typeof value !== 'string') throw new FormatError('must be PEM, as text');
  if (value.trim() === '') throw new FormatError('is blank');
  const pem = normalize(value);
  // `openssl ecparam -genkey` writes the name of the curve in a block of its own before the key.
  const blocks = [...pem.matchAll(BLOCK)].filter((block) => block[1] !== 'EC PARAMETERS');
  if (blocks.length === 0) throw new FormatError('is not PEM with -----BEGIN and -----END lines');
  if (pem.replace(BLOCK, '').includes('-----BEGIN '))
    throw new FormatError('has a PEM block without its end');
  return blocks.map(([, name = '', body = '']) => {
    if (!label.test(name)) throw new FormatError(`has a PEM block that is not ${wanted}`);
    return `-----BEGIN ${name}-----\n${readBody(body)}\n-----END ${name}-----\n`;
  });
}

function normalize(value: string): string {
  const pem = value.includes('-----BEGIN ') ? value : Buffer.from(value, 'base64').toString('utf8');
  return pem.replace(/\\r\\n|\\n|\r\n?/g, '\n');
}

function readBody(body: string): string {
  // An encrypted PKCS#1 key has header lines. They stay, so that it can be told what it is.
  const headers = /^\s*(?:[\w-]+:.*\n)+/.exec(body)?.[0] ?? '';
  const base64 = body.slice(headers.length).replace(/\s+/g, '');
  if (base64.length % 4 !== 0 || !BASE64.test(base64)) {
    throw new FormatError('has a PEM block whose content is not base64');
  }
  const lines = (base64.match(/.{1,64}/g) ?? []).join('\n');
  return headers === '' ? lines : `${headers.trim()}\n\n${lines}`;
}
