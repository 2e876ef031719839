import { mediaTypeOf, parseJsonObject } from '../../authorization-server/exchange.ts';
import type { Claims } from '../../claims.ts';
import type { PrivateKeys } from '../../key/private-keys.ts';
import { headersOf, isCompact } from '../envelope.ts';
import type { RecordedExchange } from '../recorded-exchanges.ts';
import type { Envelope } from './context.ts';

/** Opens a signed answer to show it; `undefined` where the answer is none. The claims about the token stay inside. */
export async function openEnvelope(
  exchange: RecordedExchange | undefined,
  privateKeys: PrivateKeys,
): Promise<Envelope | undefined> {
  const response = exchange?.response;
  if (response === undefined || !mediaTypeOf(response).endsWith('jwt')) return undefined;
  const jwt = Buffer.from(response.body).toString('latin1');
  const encrypted = isCompact(jwt, 5);
  if (!encrypted && !isCompact(jwt, 3)) return undefined;
  const jws = encrypted ? await plaintextOf(jwt, privateKeys) : jwt;
  const payload = parseJsonObject(Buffer.from(jws?.split('.', 2)[1] ?? '', 'base64url'));
  const { iss, aud, iat, exp } = payload ?? {};
  const outer = payload && { iss, aud, iat, exp };
  return { ...(await headersOf(jwt, privateKeys)), encrypted, outer };
}

async function plaintextOf(jwe: string, privateKeys: PrivateKeys): Promise<string | undefined> {
  try {
    return (await privateKeys.decrypt(jwe)).plaintext;
  } catch {
    return undefined;
  }
}

/** Who has issued a JWT and until when, by its own words; `undefined` for another token. Nothing is verified. */
export function describesItself(token: string): Claims | undefined {
  if (!isCompact(token, 3)) return undefined;
  const payload = parseJsonObject(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url'));
  return payload && { iss: payload.iss, exp: payload.exp };
}
