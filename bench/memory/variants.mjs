// Ways to keep claims, all in the same kind of list of the most recently used.
import { LRUCache } from 'lru-cache';
import { tsImport } from 'tsx/esm/api';

// What the backends do before they cache; nothing that the package exports. Loaded here: it is no part of a token.
const { freezeClaims } = await tsImport('../../src/claims.ts', import.meta.url);
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Each makes a cache for so many tokens, with `set(key, text)` and `get(key)`: the text is JSON as the authorization server
 * sends it.
 */
export const VARIANTS = {
  async MemoryClaimsCache(size) {
    const { MemoryClaimsCache } = await import('oidc-resource-server/cache');
    const cache = new MemoryClaimsCache({ maxEntries: size });
    return {
      set: (key, text) => cache.set(key, entryOf(freezeClaims(JSON.parse(text)))),
      get: (key) => cache.get(key)?.claims,
    };
  },

  'claims as parsed': (size) => {
    const cache = new LRUCache({ max: size });
    return {
      set: (key, text) => cache.set(key, entryOf(JSON.parse(text))),
      get: (key) => cache.get(key)?.claims,
    };
  },

  'claims as parsed, repeating strings shared': (size) => {
    const cache = new LRUCache({ max: size });
    const strings = new LRUCache({ max: 1000 });
    const shared = (_name, value) => {
      if (typeof value !== 'string') return value;
      const known = strings.get(value);
      if (known !== undefined) return known;
      strings.set(value, value);
      return value;
    };
    return {
      set: (key, text) => cache.set(key, entryOf(JSON.parse(text, shared))),
      get: (key) => cache.get(key)?.claims,
    };
  },

  'JSON text': (size) => {
    const cache = new LRUCache({ max: size });
    return {
      set: (key, text) => cache.set(key, { text, startedAt: Date.now(), until: performance.now() + NEVER }),
      get: (key) => JSON.parse(cache.get(key).text),
    };
  },
};

/** An entry as `CachedClaims` has it. */
function entryOf(claims) {
  const until = performance.now() + 3_600_000.5;
  return { claims, startedAt: Date.now(), freshUntil: until, keptUntil: until };
}
