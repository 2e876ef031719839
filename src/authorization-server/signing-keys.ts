import { AuthorizationServerError } from '../errors.ts';
import { type Header, headerReader, isBase64url } from '../key/jose.ts';
import type { Logger } from '../types.ts';
import { parseJsonObject, type Exchange } from './exchange.ts';
import { KINDS, readKeys, verifyWith, type SigningKey } from './signing-key.ts';

/** What {@link SigningKeys} needs. */
export interface SigningKeysOptions {
  readonly exchange: Exchange;
  /** Gives the address of the authorization server's JWK Set, asked before every fetch. */
  readonly url: () => string | Promise<string>;
  readonly logger: Logger;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** What a signed message must be. */
export interface SignatureRequirements {
  /** The one algorithm that is taken, such as `ES256`. Asymmetric. */
  readonly algorithm: string;
  /** The values of `typ` that are taken; letter case and a leading `application/` make no difference. */
  readonly types: readonly string[];
  /** Whether a message without `typ` is taken, too. Default: no. */
  readonly typeOptional?: boolean;
}

/** A message whose signature is good. */
export interface Verified {
  readonly header: Readonly<Record<string, unknown>>;
  /** The payload, a JSON object. Nothing in it has been checked. */
  readonly payload: Record<string, unknown>;
}

const TEXTS = {
  header: 'The message is no compact JWS, or its header is malformed.',
  algorithm: 'The message is not signed with the configured algorithm.',
  type: 'The message is of another type than the expected one.',
  kid: 'The authorization server publishes no key that fits the message.',
  signature: 'The signature of the message is wrong.',
  payload: 'The signed message is not a JSON object.',
} as const;

/** A signed message that is not to be believed. Its text is fixed and holds nothing of the message. */
export class SignatureError extends Error {
  /** What did not hold. `kid`: no key fits, even after asking for the set again where that was due. */
  readonly check: keyof typeof TEXTS;

  constructor(check: keyof typeof TEXTS) {
    super(TEXTS[check]);
    this.name = 'SignatureError';
    this.check = check;
  }
}

const SETTING = 'OIDC_OP_JWKS_ENDPOINT';
const REFRESH_AFTER_MS = 5 * 60_000;
const FRESH_MS = 10 * 60_000;
const STALE_LIMIT_MS = 60 * 60_000;
const COOLDOWN_MS = 30_000;
const FAILING_MS = 2 * COOLDOWN_MS;

interface KeySet {
  readonly keys: readonly SigningKey[];
  readonly fetchedAt: number;
}

/**
 * The public keys of one authorization server, which verify what it signs.
 *
 * The set is fetched when it is first needed; it is fresh for 10 minutes, is refreshed in the background when it is
 * used after 5, and is served for up to an hour while it cannot be fetched. A key that is not in it is looked for
 * by one more fetch. Between the starts of two fetches lie 30 seconds at least, whatever came of the first: so a new key is
 * accepted 30 seconds late at worst, and a revoked one 10 minutes (an hour while the server is down).
 *
 * Nothing is kept per `kid`. Each authorization server needs a SigningKeys of its own.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  readonly #now: () => number;
  readonly #headerOf = headerReader();
  #set: KeySet | undefined;
  #flight: Promise<KeySet> | undefined;
  #attemptedAt = -Infinity;
  /** When the last fetch failed; `-Infinity` once one has succeeded. */
  #failedAt = -Infinity;
  #throttleLogged = false;
  #dropped = '';

  constructor(options: SigningKeysOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Verifies a compact JWS and returns its payload.
   *
   * Header first: `alg` and `typ` as required, no `crit`. Keys come from the authorization server's set alone; the header's
   * `jwk`, `jku`, `x5u` and `x5c` are ignored. No claim is checked: issuer, audience and times are the caller's.
   *
   * @throws SignatureError when the message is not to be believed
   * @throws AuthorizationServerError when the keys cannot be had
   * @see {@link https://www.rfc-editor.org/rfc/rfc8725#section-3 | RFC 8725 section 3}
   */
  async verify(jws: string, requirements: SignatureRequirements): Promise<Verified> {
    const header = checkHeader(jws, requirements, this.#headerOf);
    const message = { jws, algorithm: requirements.algorithm, kid: header.kid as string | undefined };
    let result = await verifyWith(await this.#current(), message);
    // Without a kid, a new key shows itself only by a signature that no known key made.
    if (result === 'kid' || (result === 'signature' && message.kid === undefined)) {
      const renewed = await this.#renew();
      if (renewed !== undefined) result = await verifyWith(renewed, message);
    }
    if (typeof result === 'string') throw new SignatureError(result);
    const payload = parseJsonObject(result);
    if (payload === undefined) throw new SignatureError('payload');
    return { header, payload };
  }

  /** Forgets the keys, say because one was stolen; the next message fetches them anew, at once. */
  purge(): void {
    this.#set = undefined;
    this.#flight = undefined;
    this.#attemptedAt = -Infinity;
    this.#failedAt = -Infinity;
  }

  async #current(): Promise<readonly SigningKey[]> {
    const set = this.#set;
    const now = this.#now();
    const age = now - (set?.fetchedAt ?? -Infinity);
    // While the endpoint fails, nobody waits for it as long as there are keys.
    const limit = now - this.#failedAt < FAILING_MS ? STALE_LIMIT_MS : FRESH_MS;
    if (set !== undefined && age < limit) {
      if (age >= REFRESH_AFTER_MS && this.#cooldown() === 0) this.#fetch().catch(() => undefined);
      return set.keys;
    }
    try {
      return (await this.#renew()) ?? set?.keys ?? [];
    } catch (error) {
      if (set !== undefined && age < STALE_LIMIT_MS) return set.keys;
      throw error;
    }
  }

  /** The set as it is now; `undefined` when it was fetched a moment ago. Throws when it cannot be had. */
  async #renew(): Promise<readonly SigningKey[] | undefined> {
    const rest = this.#cooldown();
    if (this.#flight !== undefined || rest === 0) return (await this.#fetch()).keys;
    if (!this.#throttleLogged) {
      this.#throttleLogged = true;
      this.#log(
        'info',
        'throttled',
        'A signing key was asked for again within 30 seconds; nothing was fetched.',
      );
    }
    if (this.#failedAt === -Infinity) return undefined;
    // Logged when the fetch failed; once more for every message would flood the log.
    throw new AuthorizationServerError(
      'ERR_AS_UNAVAILABLE',
      `The authorization server is unavailable. ${SETTING} could not be fetched a moment ago.`,
      Math.ceil(rest / 1000),
    );
  }

  /** Milliseconds until the next fetch may start. */
  #cooldown(): number {
    return Math.max(0, this.#attemptedAt + COOLDOWN_MS - this.#now());
  }

  #fetch(): Promise<KeySet> {
    if (this.#flight !== undefined) return this.#flight;
    const startedAt = this.#now();
    this.#attemptedAt = startedAt;
    this.#throttleLogged = false;
    // A flight that purge() has let go of changes nothing any more.
    const flight: Promise<KeySet> = this.#download().then(
      (keys) => {
        const set = { keys, fetchedAt: startedAt };
        if (this.#flight === flight) {
          this.#flight = undefined;
          this.#set = set;
          this.#failedAt = -Infinity;
        }
        return set;
      },
      (error: unknown) => {
        if (this.#flight === flight) {
          this.#flight = undefined;
          this.#failedAt = this.#now();
        }
        this.#log('warn', 'failed', 'The signing keys of the authorization server could not be fetched.');
        throw error;
      },
    );
    this.#flight = flight;
    return flight;
  }

  async #download(): Promise<readonly SigningKey[]> {
    const { exchange, url } = this.#options;
    const response = await exchange.send({
      method: 'GET',
      url: await url(),
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    if (response.status !== 200) throw exchange.unexpectedStatus(response, SETTING);
    const jwks = parseJsonObject(response.body)?.keys;
    if (!Array.isArray(jwks)) throw exchange.untrusted('jwks', `${SETTING} answered what is no JWK Set.`);
    const { keys, dropped } = readKeys(jwks);
    this.#logFetched(keys.length, dropped);
    return keys;
  }

  // Most servers publish an encryption key too: what is dropped is worth a warning once, not every five minutes.
  #logFetched(kids: number, dropped: Readonly<Record<string, number>>): void {
    const summary = Object.entries(dropped)
      .map(([reason, count]) => `${reason}: ${count}`)
      .sort()
      .join(', ');
    const isNews = summary !== this.#dropped;
    this.#dropped = summary;
    const fields = { event: 'jwks.refresh', result: 'ok', kids };
    if (summary === '') this.#options.logger.debug(fields, 'Fetched the signing keys.');
    else {
      const message = `Fetched the signing keys. Some that the authorization server publishes are not used: ${summary}.`;
      this.#options.logger[isNews ? 'warn' : 'debug']({ ...fields, dropped }, message);
    }
  }

  #log(level: 'info' | 'warn', result: 'failed' | 'throttled', message: string): void {
    const kids = this.#set?.keys.length ?? 0;
    this.#options.logger[level]({ event: 'jwks.refresh', result, kids }, message);
  }
}

// Before any key: nothing in a forged header may cost anything or choose anything.
function checkHeader(
  jws: string,
  required: SignatureRequirements,
  headerOf: ReturnType<typeof headerReader>,
): Header {
  const parts = jws.split('.', 4);
  const header = headerOf(parts[0]);
  if (parts.length !== 3 || !parts.every(isBase64url) || header === undefined) {
    throw new SignatureError('header');
  }
  const { alg, typ, kid } = header;
  if (alg !== required.algorithm || !KINDS.has(alg)) throw new SignatureError('algorithm');
  if (!(typ === undefined && required.typeOptional) && !isOneOf(required.types, typ)) {
    throw new SignatureError('type');
  }
  if (Object.hasOwn(header, 'crit') || (kid !== undefined && typeof kid !== 'string')) {
    throw new SignatureError('header');
  }
  return header;
}

function isOneOf(types: readonly string[], typ: unknown): boolean {
  return typeof typ === 'string' && types.some((type) => type === typ || shortType(type) === shortType(typ));
}

// RFC 7515 section 4.1.9: `application/` may be left out.
function shortType(type: string): string {
  return type.toLowerCase().replace(/^application\//, '');
}
