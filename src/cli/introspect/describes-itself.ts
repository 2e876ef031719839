import { parseJsonObject } from '../../authorization-server/exchange.ts';
import type { Claims } from '../../claims.ts';
import { isCompact } from '../envelope.ts';

/** Who has issued a JWT and until when, by its own words; `undefined` for another token. Nothing is verified. */
export function describesItself(token: string): Claims | undefined {
  if (!isCompact(token, 3)) return undefined;
  const payload = parseJsonObject(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url'));
  return payload && { iss: payload.iss, exp: payload.exp };
}
