/**
 * Where claims can be kept between requests: in memory, in a shared store, or in both. `OIDC_RS_CACHE_TTL` and
 * `OIDC_RS_CACHE_URL` are enough as a rule; this is for stores of your own.
 *
 * @module oidc-resource-server/cache
 */
export type { CachedClaims, ClaimsCache, RevocationMark } from './claims-cache.ts';
export { MemoryClaimsCache, type MemoryClaimsCacheOptions } from './memory-claims-cache.ts';
export { KeyvClaimsCache, type KeyvClaimsCacheOptions, type KeyvLike } from './keyv-claims-cache.ts';
export { TwoLevelClaimsCache, type TwoLevelClaimsCacheOptions } from './two-level-claims-cache.ts';
export { type OpenedRedis, openRedis, type OpenRedisOptions } from './redis.ts';
