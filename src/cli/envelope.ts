import { parseHeader } from '../key/jose.ts';
import type { PrivateKeys } from '../key/private-keys.ts';

type Header = Readonly<Record<string, unknown>>;

/** The headers of a signed and encrypted answer, as far as they can be read. Nothing in them is verified. */
export interface EnvelopeHeaders {
  readonly jwe: Header | undefined;
  /** `undefined` where the answer cannot be decrypted. */
  readonly jws: Header | undefined;
}

/** Whether a text has the parts of a compact JWS (3) or JWE (5). */
export function isCompact(written: string, parts: 3 | 5): boolean {
  return written.split('.', parts + 1).length === parts;
}

/** Reads the headers of a JWE and of the JWS inside, to show them. */
export async function headersOf(jwt: string, privateKeys: PrivateKeys): Promise<EnvelopeHeaders> {
  if (!isCompact(jwt, 5)) return { jwe: undefined, jws: parseHeader(jwt.split('.', 1)[0]) };
  const jwe = parseHeader(jwt.split('.', 1)[0]);
  try {
    const { plaintext } = await privateKeys.decrypt(jwt);
    return { jwe, jws: parseHeader(plaintext.split('.', 1)[0]) };
  } catch {
    return { jwe, jws: undefined };
  }
}
