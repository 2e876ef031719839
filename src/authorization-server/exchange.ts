import { AuthorizationServerError } from '../errors.ts';
import type { HttpAdapter, HttpErrorKind, HttpRequest, HttpResponse } from '../http/http-adapter.ts';
import type { SettingName } from '../settings.ts';
import type { Logger } from '../types.ts';
import { Bulkhead } from './bulkhead.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

/** The largest answer of an authorization server that is read: no honest one comes near it. */
export const MAX_BYTES = 64 * 1024;
const MAX_RETRY_AFTER = 3600;
/** The longest that a request waits for its turn. */
const MAX_WAIT_MS = 1000;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What to look at when a request brought no answer. */
const NO_ANSWER: Readonly<Record<HttpErrorKind, string>> = {
  timeout: 'It gave no whole answer within OIDC_TIMEOUT.',
  dns: 'Its host name is not known: check the OIDC_OP_* endpoints.',
  refused: 'Nothing listens there: check that it runs, and the OIDC_OP_* endpoints.',
  tls: 'No trusted TLS connection could be made: for an authority of your own set OIDC_CA.',
  reset: 'It closed the connection before its answer was whole.',
  protocol: 'It does not speak HTTP: check the OIDC_OP_* endpoints.',
  network: 'It cannot be reached.',
  too_large: '',
  encoding: '',
};

/** What {@link Exchange} needs. */
export interface ExchangeOptions {
  readonly http: HttpAdapter;
  readonly logger: Logger;
  /** One deadline for each request, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * The setting that names the one endpoint that is asked, where every request of an API may ask it: then a circuit breaker and
   * a bulkhead of its own are in front of it. Default: none, for what is asked rarely and has a cooldown of its own.
   */
  readonly protect?: SettingName;
}

/**
 * One way out to the authorization server, and one way to say what went wrong there: every fault is logged once,
 * under the name of its event, and becomes an {@link AuthorizationServerError}. Nothing that the authorization
 * server sent, and nothing that was sent to it, is in the message, the log, or a `cause`.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #breaker: CircuitBreaker | undefined;
  readonly #bulkhead: Bulkhead | undefined;

  constructor(options: ExchangeOptions) {
    const { logger, timeoutMs, protect: endpoint } = options;
    this.#options = options;
    if (endpoint === undefined) return;
    this.#breaker = new CircuitBreaker({ logger, endpoint });
    this.#bulkhead = new Bulkhead({ logger, endpoint, waitMs: Math.min(MAX_WAIT_MS, timeoutMs) });
  }

  /**
   * Sends a request. Any status resolves; only a request without an answer rejects.
   *
   * @throws AuthorizationServerError when no answer came, or, at once, while the server is left alone or has enough to do
   */
  async send(request: Omit<HttpRequest, 'timeoutMs' | 'maxBytes'>): Promise<HttpResponse> {
    const { http, timeoutMs } = this.#options;
    const { method, url, headers, body } = request;
    // Here rather than around a whole introspection, which may be two requests: what counts is whether the server answers
    // each of them. And here it takes no promise of its own.
    const entered = this.#enter();
    const pass = typeof entered === 'number' ? entered : await entered;
    const startedAt = performance.now();
    let response: HttpResponse;
    try {
      response = await http.request({ method, url, headers, body, timeoutMs, maxBytes: MAX_BYTES });
    } catch (error) {
      throw this.#unanswered(kindOf(error), pass, startedAt);
    } finally {
      this.#bulkhead?.leave();
    }
    const { status } = response;
    const wantsPeace = status === 429 || status === 503;
    // What it says of a token, which its sender chose, or of us is no failure: it was asked, and answered.
    if (status < 500 && status !== 429) this.#breaker?.succeeded(pass);
    else this.#breaker?.failed(pass, wantsPeace ? retryAfterOf(response) : 0);
    return response;
  }

  #enter(): number | Promise<number> {
    // A place first: a probe that found none would be waited for in vain. While the breaker is open there is always room, since
    // the failure that opened it gave its place back, and nobody else goes out.
    const place = this.#bulkhead?.enter();
    return place === undefined ? this.#passBreaker() : place.then(() => this.#passBreaker());
  }

  #passBreaker(): number {
    try {
      return this.#breaker?.enter() ?? 0;
    } catch (error) {
      this.#bulkhead?.leave();
      throw error;
    }
  }

  #unanswered(kind: HttpErrorKind, pass: number, startedAt: number): AuthorizationServerError {
    if (kind === 'too_large' || kind === 'encoding') {
      this.#breaker?.succeeded(pass);
      return this.untrusted(
        kind,
        `Its answer is larger than ${String(MAX_BYTES)} bytes or in an unknown encoding.`,
      );
    }
    const ms = Math.round(performance.now() - startedAt);
    // First: whatever a logger does, a probe must not stay out for ever.
    this.#breaker?.failed(pass);
    return this.unavailable({ kind, ms }, NO_ANSWER[kind]);
  }

  /** The authorization server could not be asked: it is down, overloaded, or the endpoint is wrong. */
  unavailable(
    fields: { kind: string; status?: number; ms?: number },
    detail: string,
    retryAfter?: number,
  ): AuthorizationServerError {
    const message = `The authorization server is unavailable. ${detail}`;
    this.#options.logger.warn({ event: 'as.unavailable', ...fields }, message);
    return new AuthorizationServerError('ERR_AS_UNAVAILABLE', message, retryAfter);
  }

  /** It answered, and the answer must not be believed. An alarm: the server is broken or somebody is in between. */
  untrusted(check: string, detail: string): AuthorizationServerError {
    const message = `The answer of the authorization server cannot be trusted. ${detail}`;
    this.#options.logger.error({ event: 'as.untrusted', check }, message);
    return new AuthorizationServerError('ERR_AS_UNTRUSTED_RESPONSE', message);
  }

  /** It refused this resource server's own credentials. An alarm: nobody gets in until that is mended. */
  clientRejected(status: number, detail: string, retryAfter?: number): AuthorizationServerError {
    const message = `The authorization server refused the credentials of this resource server. ${detail}`;
    this.#options.logger.error({ event: 'as.client_rejected', status }, message);
    return new AuthorizationServerError('ERR_AS_CLIENT_REJECTED', message, retryAfter);
  }

  /** What a status other than the expected one means, for any endpoint. */
  unexpectedStatus(response: HttpResponse, endpoint: string): AuthorizationServerError {
    const { status } = response;
    if (status < 400) {
      return this.untrusted('status', `${endpoint} answered ${String(status)} where only 200 counts.`);
    }
    const cause =
      status === 404 || status === 405
        ? `Check ${endpoint}: nothing answers there.`
        : `${endpoint} answered it.`;
    return this.unavailable(
      { kind: 'status', status },
      `Status ${String(status)}. ${cause}`,
      retryAfterOf(response),
    );
  }
}

/** `Retry-After` in whole seconds, at most an hour; a date or anything else counts as unknown. */
function retryAfterOf(response: HttpResponse): number | undefined {
  const value = response.headers['retry-after'];
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), MAX_RETRY_AFTER) : undefined;
}

/** Whether an answer is of a media type, given in lower case; its parameters make no difference. */
export function isOfType(response: HttpResponse, mediaType: string): boolean {
  return response.headers['content-type'] === mediaType || mediaTypeOf(response) === mediaType;
}

/** The media type of an answer in lower case, without its parameters. */
export function mediaTypeOf(response: HttpResponse): string {
  return (response.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Parses a JSON object; `undefined` for anything else. JSON.parse's own message would quote the answer. */
export function parseJsonObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(UTF8.decode(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

// Adapters that are not ours throw what they like: only a `kind` of our own spelling is taken from it.
function kindOf(error: unknown): HttpErrorKind {
  const kind = typeof error === 'object' && error !== null && 'kind' in error ? error.kind : undefined;
  return typeof kind === 'string' && Object.hasOwn(NO_ANSWER, kind) ? (kind as HttpErrorKind) : 'network';
}
