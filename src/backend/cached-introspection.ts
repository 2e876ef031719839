import type { CachedClaims, ClaimsCache } from '../cache/claims-cache.ts';
import { type Claims, freezeClaims, ownClaim } from '../claims.ts';
import { isResourceServerError } from '../errors.ts';
import type { AccessToken } from '../secret.ts';
import type { Settings } from '../settings.ts';
import type { Logger, RevocationTarget } from '../types.ts';
import { cacheKeys, markName } from './cache-key.ts';
import { Flights } from './flights.ts';
import { InactiveTokens } from './inactive-tokens.ts';

/** What {@link CachedIntrospection} is made of. */
export interface CachedIntrospectionOptions<C extends Claims> {
  readonly settings: Settings;
  readonly logger: Logger;
  /** `undefined`: nothing is kept. */
  readonly cache: ClaimsCache | undefined;
  /** The backend that asks: another one may read the same answer in another way. */
  readonly backendName: string;
  /** Asks the authorization server. */
  readonly introspect: (token: AccessToken) => Promise<C>;
}

/** How long an answer is kept that does not say when the token expires. */
const WITHOUT_EXPIRY_MS = 10_000;
const INACTIVE_MS = 5_000;
const INACTIVE: Claims = freezeClaims({ active: false });

/**
 * Shares what the authorization server says about a token: among requests that come at the same time, and with a cache
 * among those that come later. It decides nothing else: the claims go through every check for each request.
 */
export class CachedIntrospection<C extends Claims> {
  readonly #options: CachedIntrospectionOptions<C>;
  readonly #keyOf: (token: string) => string;
  readonly #ttlMs: number;
  readonly #staleMs: number;
  readonly #toleranceMs: number;
  /** Longer than any entry that a mark is about. */
  readonly #keepMs: number;
  readonly #inactive: InactiveTokens;
  #flights = new Flights<C>();

  constructor(options: CachedIntrospectionOptions<C>) {
    const { settings, cache, backendName } = options;
    this.#options = options;
    this.#ttlMs = cache === undefined ? 0 : settings.OIDC_RS_CACHE_TTL * 1000;
    // Where nothing is kept, requests that come at the same time find each other by the token that they hold anyway.
    this.#keyOf = this.#ttlMs === 0 ? (token) => token : cacheKeys(settings, backendName);
    this.#staleMs = settings.OIDC_RS_STALE_IF_ERROR * 1000;
    this.#toleranceMs = settings.OIDC_RS_CLOCK_TOLERANCE * 1000;
    this.#keepMs = this.#ttlMs + this.#staleMs + 2 * this.#toleranceMs + 1000;
    this.#inactive = new InactiveTokens(Math.min(this.#ttlMs, INACTIVE_MS));
  }

  /** What the authorization server says about a token, at once where that is known. */
  of(token: AccessToken): C | Promise<C> {
    const key = this.#keyOf(token.reveal());
    const { cache } = this.#options;
    if (cache === undefined || this.#ttlMs === 0) return this.#ask(key, token);
    const entry = cache.get(key);
    if (entry === undefined) return this.#ask(key, token);
    if (entry instanceof Promise) return this.#whenFound(key, token, entry);
    return this.#useOrAsk(key, token, entry, cache);
  }

  /**
   * Makes everything unusable that was learnt before now about a token, a subject, a session or a client: here at once, and
   * in all processes that share the store within a second.
   *
   * @throws when a shared store could not be told
   */
  async revoke(target: RevocationTarget): Promise<void> {
    const notBefore = Date.now();
    // Who comes from now on must not join an introspection that began before.
    this.#flights = new Flights();
    const name = 'token' in target ? this.#keyOf(target.token) : this.#markNames(target)[0];
    if (name === undefined) return;
    await this.#options.cache?.mark([{ name, notBefore, keepMs: this.#keepMs }]);
  }

  async #whenFound(key: string, token: AccessToken, found: Promise<CachedClaims | undefined>): Promise<C> {
    const { cache } = this.#options;
    const entry = await found;
    if (entry === undefined || cache === undefined) return await this.#ask(key, token);
    return await this.#useOrAsk(key, token, entry, cache);
  }

  #useOrAsk(key: string, token: AccessToken, entry: CachedClaims, cache: ClaimsCache): C | Promise<C> {
    const notBefore = cache.notBefore(entry, () => [key, ...this.#markNames(entry.claims)]);
    if (typeof notBefore === 'number') return this.#judge(key, token, entry, notBefore);
    return notBefore.then((instant) => this.#judge(key, token, entry, instant));
  }

  #judge(key: string, token: AccessToken, entry: CachedClaims, notBefore: number): C | Promise<C> {
    // The mark and the entry are from two clocks.
    if (notBefore !== -Infinity && entry.startedAt <= notBefore + this.#toleranceMs)
      return this.#ask(key, token);
    if (entry.freshUntil > performance.now()) return entry.claims as C;
    return this.#staleMs === 0 ? this.#ask(key, token) : this.#askOrStale(key, token, entry);
  }

  /** Asks; where nobody answers, what was said before has to do. */
  async #askOrStale(key: string, token: AccessToken, entry: CachedClaims): Promise<C> {
    try {
      const claims = await this.#ask(key, token);
      if (claims.active !== true) await this.#forget(key, entry);
      return claims;
    } catch (error) {
      const isDown = isResourceServerError(error) && error.code === 'ERR_AS_UNAVAILABLE';
      const { exp } = entry.claims;
      if (
        !isDown ||
        !(entry.keptUntil > performance.now()) ||
        (typeof exp === 'number' && exp * 1000 <= Date.now())
      )
        throw error;
      const age = Math.round((Date.now() - entry.startedAt) / 1000);
      this.#options.logger.debug(
        { event: 'cache.stale', age, token_ref: token.reference },
        'The authorization server cannot be asked, so what it said before is used.',
      );
      return entry.claims as C;
    }
  }

  /** What has been taken back must not come up again once the authorization server is down. */
  async #forget(name: string, { startedAt: notBefore }: CachedClaims): Promise<void> {
    try {
      await this.#options.cache?.mark([{ name, notBefore, keepMs: this.#keepMs }]);
    } catch {
      // Where marks cannot be written, none can be read: what is kept is not used then.
    }
  }

  #ask(key: string, token: AccessToken): C | Promise<C> {
    if (this.#inactive.has(key)) return INACTIVE as C;
    const flights = this.#flights;
    const shared = flights.get(key);
    if (shared !== undefined) return shared;
    const flight = this.#introspect(key, token, () => {
      flights.delete(key);
    });
    flights.set(key, flight);
    return flight;
  }

  /** One introspection for all who wait for it. It belongs to none of them: whoever hangs up takes nothing from the others. */
  async #introspect(key: string, token: AccessToken, landed: () => void): Promise<C> {
    const startedAt = Date.now();
    const start = performance.now();
    try {
      const claims = freezeClaims(await this.#options.introspect(token));
      if (this.#ttlMs > 0) this.#keep(key, claims, startedAt, start);
      return claims;
    } finally {
      // Before anybody is told: who comes after a failure asks anew.
      landed();
    }
  }

  #keep(key: string, claims: C, startedAt: number, start: number): void {
    const active = ownClaim(claims, 'active');
    if (active === false) this.#inactive.add(key);
    if (active !== true) return;
    const exp = ownClaim(claims, 'exp');
    const restMs =
      typeof exp === 'number' ? exp * 1000 - startedAt : Math.min(this.#ttlMs, WITHOUT_EXPIRY_MS);
    if (!(restMs > 0)) return;
    // Whole milliseconds: V8 keeps them within the entry, and fractions outside of it.
    const freshUntil = Math.floor(start + Math.min(this.#ttlMs, restMs));
    const keptUntil = Math.floor(
      start +
        Math.min(this.#ttlMs + this.#staleMs, typeof exp === 'number' ? restMs : restMs + this.#staleMs),
    );
    const kept = this.#options.cache?.set(key, { claims, startedAt, freshUntil, keptUntil });
    // A store that fails is a miss later on.
    if (kept instanceof Promise) kept.catch(() => undefined);
  }

  #markNames(claims: Claims | { sub?: unknown; sid?: unknown; client_id?: unknown }): string[] {
    const { OIDC_OP_URL } = this.#options.settings;
    return (['sub', 'sid', 'client_id'] as const).flatMap((kind) => {
      const value = Object.hasOwn(claims, kind) ? claims[kind] : undefined;
      return typeof value === 'string' ? [markName(OIDC_OP_URL, kind, value)] : [];
    });
  }
}
