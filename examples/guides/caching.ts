// Claims kept in memory and in a store of one's own, and taken back when somebody is locked out.
import { Keyv } from 'keyv';
import { createResourceServer } from 'oidc-resource-server';
import { KeyvClaimsCache, MemoryClaimsCache, TwoLevelClaimsCache } from 'oidc-resource-server/cache';

const CACHE_SECRET = process.env.CACHE_SECRET ?? 'the same in all processes';

// #region store
const shared = new KeyvClaimsCache(new Keyv(), { secret: CACHE_SECRET }); // give Keyv the adapter of your store
export const resourceServer = await createResourceServer({
  settings: { OIDC_RS_CACHE_TTL: 30 },
  cache: new TwoLevelClaimsCache(new MemoryClaimsCache({ maxEntries: 50_000 }), shared),
});
// #endregion store

// #region revoke
/** Somebody is locked out: first where tokens come from, then here. */
export async function lockOut(
  subject: string,
  endSessions: (subject: string) => Promise<void>,
): Promise<void> {
  await endSessions(subject); // by the API of your authorization server
  await resourceServer.revoke({ sub: subject }); // or { token }, { sid }, { client_id }
}
// #endregion revoke
