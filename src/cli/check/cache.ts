import { type Check, fail, pass, skip, warn } from './check.ts';

/** Where claims are kept, and whether the store that is shared can be asked. */
export const cache: Check = {
  name: 'cache',
  async run({ composition, reading }) {
    const {
      OIDC_RS_CACHE_TTL: ttl,
      OIDC_RS_CACHE_URL: url,
      OIDC_RS_STALE_IF_ERROR: stale,
    } = reading.settings;
    if (ttl === 0)
      return [
        url === undefined && stale === 0
          ? skip('There is none: OIDC_RS_CACHE_TTL is 0, and every request asks the authorization server.')
          : warn(
              'OIDC_RS_CACHE_TTL is 0, so nothing is kept.',
              'Set OIDC_RS_CACHE_TTL, or leave the other settings of the cache out.',
            ),
      ];
    const kept = `What the authorization server says is used for up to ${String(ttl)} s`;
    if (url === undefined) return [pass(`${kept}, in the memory of each process.`)];
    const claimsCache = composition?.dependencies.claimsCache;
    if (claimsCache === undefined) return [skip('The settings have to be corrected first.')];
    try {
      await claimsCache.ping?.();
      return [pass(`${kept}, and the shared store answers.`)];
    } catch {
      return [
        fail(
          'The store of OIDC_RS_CACHE_URL cannot be asked. Requests are answered all the same, without it.',
          'Check that it runs, and the address, user name and password in OIDC_RS_CACHE_URL.',
        ),
      ];
    }
  },
};
