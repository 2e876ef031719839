import type * as Jose from 'jose';

let loaded: typeof Jose | undefined;

/** Loads jose when a key is first used: importing it takes about 80 ms, which a start need not wait for. */
export async function loadJose(): Promise<typeof Jose> {
  return (loaded ??= await import('jose'));
}

const BASE64URL = /^[A-Za-z0-9_-]+$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether a part of a compact JWE or JWS is base64url and not empty. jose itself would skip blanks in it. */
export function isBase64url(part: string | undefined): part is string {
  return part !== undefined && BASE64URL.test(part);
}

/** A protected header. Frozen; nothing has vouched for it. */
export type Header = Readonly<Record<string, unknown>>;

/**
 * Makes what reads the protected headers of one sender's messages: nearly all are the same, and the one that it has just read
 * is not parsed again.
 */
export function headerReader(): typeof parseHeader {
  let last: string | undefined;
  let header: Header | undefined;
  return (part) => {
    if (part !== last) {
      header = parseHeader(part);
      last = part;
    }
    return header;
  };
}

/**
 * Reads the protected header of a compact JWE or JWS: a frozen object, `undefined` for anything that is none.
 *
 * It checks nothing in it, and nothing has vouched for it yet.
 */
export function parseHeader(part: string | undefined): Header | undefined {
  if (!isBase64url(part)) return undefined;
  try {
    const header: unknown = JSON.parse(UTF8.decode(Buffer.from(part, 'base64url')));
    return typeof header === 'object' && header !== null && !Array.isArray(header)
      ? Object.freeze(header as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
