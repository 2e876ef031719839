import { PGlite } from '@electric-sql/pglite';
import { Keyv } from 'keyv';
import { afterAll, describe, it } from 'vitest';
import { KeyvClaimsCache } from '../../src/cache/keyv-claims-cache.ts';
import { MemoryClaimsCache } from '../../src/cache/memory-claims-cache.ts';
import { openRedis } from '../../src/cache/redis.ts';
import { TwoLevelClaimsCache } from '../../src/cache/two-level-claims-cache.ts';
import { claimsCacheContract } from '../../src/testing/claims-cache-contract.ts';
import { PGliteKeyvStore } from '../support/pglite-keyv-store.ts';
import { redisMissing, startRedis } from '../support/redis.ts';

const secret = 'a secret of the tests';
// The suites share two cores with others: here it is about what is right, and elsewhere about how long it takes.
const timeoutMs = 1000;
const named = (name: string) => ({
  describe: (what: string, body: () => void) => describe(`${name}: ${what}`, body),
  it,
});

await claimsCacheContract(named('MemoryClaimsCache'), () =>
  Promise.resolve({ cache: new MemoryClaimsCache() }),
);

await claimsCacheContract(named('KeyvClaimsCache in a Map'), () => {
  const store = new Map();
  const make = () => new KeyvClaimsCache(new Keyv({ store }), { secret, timeoutMs });
  return Promise.resolve({ cache: make(), another: () => Promise.resolve(make()) });
});

const database = await PGlite.create();
afterAll(() => database.close());
await claimsCacheContract(named('KeyvClaimsCache in PGlite'), async () => {
  const store = new PGliteKeyvStore(database);
  await store.clear();
  const make = () => new KeyvClaimsCache(new Keyv({ store }), { secret, timeoutMs });
  return { cache: make(), another: () => Promise.resolve(make()) };
});

const missing = redisMissing();
if (missing === undefined) {
  const redis = await startRedis();
  const raw = await redis.raw();
  afterAll(() => redis.stop());
  const opened = async () => {
    const { keyv, close } = await openRedis(redis.url);
    return new KeyvClaimsCache(keyv, { secret, timeoutMs, close });
  };
  const factoryOf = (make: () => Promise<KeyvClaimsCache | TwoLevelClaimsCache>) => async () => {
    await raw.flushAll();
    const made = [await make()];
    const [cache] = made as [(typeof made)[number]];
    return {
      cache,
      another: async () => {
        const other = await make();
        made.push(other);
        return other;
      },
      close: async () => {
        for (const one of made) await one.close();
      },
    };
  };
  await claimsCacheContract(named('KeyvClaimsCache in Redis'), factoryOf(opened));
  await claimsCacheContract(
    named('TwoLevelClaimsCache, memory before Redis'),
    factoryOf(async () => new TwoLevelClaimsCache(new MemoryClaimsCache(), await opened())),
  );
} else {
  describe('with Redis', () => {
    it.skip(missing, () => undefined);
  });
}
