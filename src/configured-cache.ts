import type { ClaimsCache } from './cache/claims-cache.ts';
import type { Settings } from './settings.ts';
import type { Logger } from './types.ts';

/**
 * The cache that the settings ask for: none, one in memory, or one in memory in front of a shared one.
 *
 * @throws ConfigurationError when a package for the shared one is missing
 */
export async function configuredCache(settings: Settings, logger: Logger): Promise<ClaimsCache | undefined> {
  const { OIDC_RS_CACHE_TTL: ttl, OIDC_RS_CACHE_MAX_ENTRIES: maxEntries, OIDC_RS_CACHE_URL: url } = settings;
  if (ttl === 0) return undefined;
  const { MemoryClaimsCache } = await import('./cache/memory-claims-cache.ts');
  const memory = new MemoryClaimsCache({ maxEntries });
  if (url === undefined) return memory;
  const [{ KeyvClaimsCache }, { TwoLevelClaimsCache }, { openRedis }] = await Promise.all([
    import('./cache/keyv-claims-cache.ts'),
    import('./cache/two-level-claims-cache.ts'),
    import('./cache/redis.ts'),
  ]);
  const redis = await openRedis(url.reveal());
  const { OIDC_RS_CACHE_SECRET, OIDC_RS_CLIENT_SECRET, OIDC_RS_CLOCK_TOLERANCE } = settings;
  const shared = new KeyvClaimsCache(redis.keyv, {
    secret: (OIDC_RS_CACHE_SECRET ?? OIDC_RS_CLIENT_SECRET)?.reveal() ?? '',
    clockToleranceMs: OIDC_RS_CLOCK_TOLERANCE * 1000,
    close: redis.close,
    onAvailability: (available) => {
      if (available) logger.info({ event: 'cache.available' }, 'The shared store of claims answers again.');
      else
        logger.warn(
          { event: 'cache.unavailable' },
          'The shared store of claims does not answer. Requests go on without it; revocations elsewhere are asked about.',
        );
    },
  });
  return new TwoLevelClaimsCache(memory, shared);
}
