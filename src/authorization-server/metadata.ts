import { AuthorizationServerError } from '../errors.ts';
import { FormatError } from '../settings/formats.ts';
import type { Settings } from '../settings.ts';
import type { Logger } from '../types.ts';
import { type Exchange, parseJsonObject } from './exchange.ts';
import {
  ENDPOINTS,
  type EndpointSetting,
  endpointOf,
  issuerProblem,
  type MetadataDocument,
  metadataUrls,
} from './metadata-document.ts';
import { AUTHENTICATION_METHODS, metadataWarnings } from './metadata-warnings.ts';

/** What {@link AuthorizationServerMetadata} needs. */
export interface MetadataOptions {
  readonly settings: Settings;
  readonly exchange: Exchange;
  readonly logger: Logger;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

interface Known {
  /** An endpoint that cannot be used matters to those who ask for it alone. */
  readonly endpoints: ReadonlyMap<EndpointSetting, string | FormatError | undefined>;
  readonly authenticationMethods: readonly unknown[];
}

const REFRESH_AFTER_MS = 10 * 60_000;
const COOLDOWN_MS = 5_000;

/**
 * Where the authorization server's endpoints are: as the settings say, else as its metadata says, so that `OIDC_OP_URL`
 * alone is enough.
 *
 * The metadata is fetched when it is first needed, by one request for all who wait; it is refreshed in the background when
 * it is used after 10 minutes, and used on while it cannot be fetched. Between the starts of two fetches lie 5 seconds at
 * least. It is never fetched while the settings name all the endpoints that are asked for.
 *
 * Metadata chooses addresses and the order in which client authentication methods are tried. It never chooses an
 * algorithm: where it does not offer what the settings ask for, a warning names the setting.
 *
 * @see {@link https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig | OpenID Connect Discovery section 4}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8414 | RFC 8414}
 */
export class AuthorizationServerMetadata {
  readonly #options: MetadataOptions;
  readonly #now: () => number;
  #known: Known | undefined;
  #flight: Promise<Known> | undefined;
  #attemptedAt = -Infinity;
  #warned = '';

  constructor(options: MetadataOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * The address of an endpoint; at once where it is known, and a promise where the metadata has to be fetched.
   *
   * @throws AuthorizationServerError when the metadata cannot be had or believed, or names no such endpoint
   */
  endpoint(setting: EndpointSetting): string | Promise<string> {
    const url = this.optionalEndpoint(setting);
    return url instanceof Promise
      ? url.then((found) => this.#named(setting, found))
      : this.#named(setting, url);
  }

  /**
   * The address of an endpoint that an authorization server may do without; `undefined` where the metadata names none.
   *
   * @throws AuthorizationServerError when the metadata cannot be had or believed
   */
  optionalEndpoint(setting: EndpointSetting): string | undefined | Promise<string | undefined> {
    const explicit = this.#options.settings[setting];
    if (explicit !== undefined) return explicit;
    const known = this.#current();
    return known instanceof Promise
      ? known.then(({ endpoints }) => this.#usable(setting, endpoints.get(setting)))
      : this.#usable(setting, known.endpoints.get(setting));
  }

  /** How clients may authenticate for introspection, as far as it is known by now; empty when it is not. */
  get clientAuthenticationMethods(): readonly unknown[] {
    return this.#known?.authenticationMethods ?? [];
  }

  #current(): Known | Promise<Known> {
    const age = this.#now() - this.#attemptedAt;
    if (this.#known === undefined) {
      if (this.#flight !== undefined || age >= COOLDOWN_MS) return this.#fetch();
      return Promise.reject(
        // Logged when the fetch failed; once more for every request would flood the log.
        new AuthorizationServerError(
          'ERR_AS_UNAVAILABLE',
          'The authorization server is unavailable. Its metadata could not be fetched a moment ago.',
          Math.ceil((COOLDOWN_MS - age) / 1000),
        ),
      );
    }
    if (age >= REFRESH_AFTER_MS) this.#fetch().catch(() => undefined);
    return this.#known;
  }

  #fetch(): Promise<Known> {
    if (this.#flight !== undefined) return this.#flight;
    this.#attemptedAt = this.#now();
    const flight = this.#download().finally(() => {
      this.#flight = undefined;
    });
    this.#flight = flight;
    return flight;
  }

  async #download(): Promise<Known> {
    const { exchange, settings, logger } = this.#options;
    const document = await fetchMetadata(exchange, settings);
    const names = Object.keys(ENDPOINTS) as EndpointSetting[];
    const endpoints = new Map(names.map((name) => [name, tryEndpointOf(document, name, settings)]));
    const methods = document[AUTHENTICATION_METHODS];
    this.#known = { endpoints, authenticationMethods: Array.isArray(methods) ? methods : [] };
    logger.debug(
      { event: 'metadata.refresh', result: 'ok' },
      'Fetched the metadata of the authorization server.',
    );
    const warnings = metadataWarnings(document, settings);
    // Worth a warning once, not every ten minutes.
    if (warnings.join() !== this.#warned) {
      for (const warning of warnings) logger.warn({ event: 'settings.warning' }, warning);
    }
    this.#warned = warnings.join();
    return this.#known;
  }

  #named(setting: EndpointSetting, url: string | undefined): string {
    if (url !== undefined) return url;
    const detail = `Its metadata names no ${ENDPOINTS[setting]}: set ${setting}.`;
    throw this.#options.exchange.unavailable({ kind: 'metadata' }, detail);
  }

  #usable(setting: EndpointSetting, endpoint: string | FormatError | undefined): string | undefined {
    if (!(endpoint instanceof FormatError)) return endpoint;
    const member = ENDPOINTS[setting];
    throw this.#options.exchange.untrusted(
      'metadata',
      `The ${member} in its metadata ${endpoint.message}; or set ${setting}.`,
    );
  }
}

function tryEndpointOf(
  document: MetadataDocument,
  setting: EndpointSetting,
  settings: Settings,
): string | FormatError | undefined {
  try {
    return endpointOf(document, setting, settings);
  } catch (error) {
    return error as FormatError;
  }
}

/**
 * Fetches what the authorization server publishes about itself, and checks that it is about `OIDC_OP_URL`.
 *
 * @throws AuthorizationServerError when it cannot be had or believed
 */
export async function fetchMetadata(exchange: Exchange, settings: Settings): Promise<MetadataDocument> {
  let status = 0;
  for (const url of metadataUrls(settings)) {
    const response = await exchange.send({ method: 'GET', url, headers: { accept: 'application/json' } });
    status = response.status;
    if (status === 200) {
      const document = parseJsonObject(response.body);
      if (document === undefined) throw exchange.untrusted('json', 'Its metadata is not a JSON object.');
      const problem = issuerProblem(document, settings.OIDC_OP_URL);
      if (problem !== undefined) throw exchange.untrusted('issuer', problem);
      return document;
    }
    if (status < 400 || status >= 500)
      throw exchange.unexpectedStatus(response, 'OIDC_OP_URL, asked for its metadata,');
  }
  throw exchange.unavailable(
    { kind: 'status', status },
    'It publishes no metadata below OIDC_OP_URL. Check that setting; of a server that publishes none, set ' +
      'OIDC_OP_INTROSPECTION_ENDPOINT, and for signed answers OIDC_OP_JWKS_ENDPOINT.',
  );
}
