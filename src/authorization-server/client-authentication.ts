import { AuthorizationServerError } from '../errors.ts';
import type { HttpResponse } from '../http/http-adapter.ts';
import type { Secret } from '../secret.ts';
import type { Logger } from '../types.ts';
import { type Exchange, parseJsonObject } from './exchange.ts';

/** How this resource server tells the authorization server who it is. */
export type ClientAuthenticationMethod = 'client_secret_basic' | 'client_secret_post';

/** What one method adds to a request: its headers, and the end of its form body. */
export interface Credentials {
  readonly headers: Record<string, string>;
  readonly form: string;
}

/** What {@link ClientAuthentication} needs. */
export interface ClientAuthenticationOptions {
  readonly method: ClientAuthenticationMethod | 'auto';
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Headers that every request has, whatever the method. */
  readonly headers: Readonly<Record<string, string>>;
  /** The methods that the authorization server says it takes, asked when one has to be found. Empty: it does not say. */
  readonly advertised?: () => readonly unknown[];
  readonly exchange: Exchange;
  readonly logger: Logger;
  /** Milliseconds on a clock that never steps back. Default: `performance.now`. */
  readonly now?: () => number;
}

type Post = (credentials: Credentials) => Promise<HttpResponse>;

interface Attempt {
  readonly method: ClientAuthenticationMethod;
  readonly response: HttpResponse;
}

const HOLD_MS = 60_000;

/**
 * Authenticates this resource server as a client, in the Basic form or in the body.
 *
 * With `auto`, Basic is tried first, since every server must support it, and the body form where Basic is refused; the
 * other way round where the server's metadata names the body form alone.
 * One request finds out while the others wait for it; what brought a 200 is kept. When both are refused, the
 * authorization server is asked once a minute, so that a wrong secret locks nothing there.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 | RFC 6749 section 2.3.1}
 */
export class ClientAuthentication {
  readonly #methods: readonly ClientAuthenticationMethod[];
  readonly #credentials: Readonly<Record<ClientAuthenticationMethod, Credentials>>;
  readonly #advertised: () => readonly unknown[];
  readonly #exchange: Exchange;
  readonly #logger: Logger;
  readonly #now: () => number;
  #kept: ClientAuthenticationMethod | undefined;
  #probe: Promise<ClientAuthenticationMethod> | undefined;
  #acceptedAt = -Infinity;
  #heldUntil = -Infinity;

  constructor(options: ClientAuthenticationOptions) {
    const { clientId, method, headers } = options;
    const secret = options.clientSecret.reveal();
    const basic = Buffer.from(`${formEncode(clientId)}:${formEncode(secret)}`).toString('base64');
    this.#credentials = {
      client_secret_basic: {
        headers: Object.freeze({ ...headers, authorization: `Basic ${basic}` }),
        form: '',
      },
      client_secret_post: {
        headers: Object.freeze({ ...headers }),
        form: `&client_id=${formEncode(clientId)}&client_secret=${formEncode(secret)}`,
      },
    };
    this.#methods = method === 'auto' ? ['client_secret_basic', 'client_secret_post'] : [method];
    this.#kept = method === 'auto' ? undefined : method;
    this.#advertised = options.advertised ?? (() => []);
    this.#exchange = options.exchange;
    this.#logger = options.logger;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Sends a request under the method that works, and finds out which one that is.
   *
   * @throws AuthorizationServerError `ERR_AS_CLIENT_REJECTED` when the server refuses every method
   */
  async send(post: Post): Promise<HttpResponse> {
    this.#refuseWhileHeld();
    // Without a probe there is nothing to wait for, not even for a tick: all who come meanwhile would probe, too.
    const method = this.#kept ?? (this.#probe && (await this.#probe));
    if (method === undefined) return this.#find(post);
    const response = await post(this.#credentials[method]);
    if (!isClientRefused(response)) return this.#accepted(response);
    // A secret may have been changed on either side. What somebody else found out about it, or finds out, is for all.
    this.#refuseWhileHeld();
    if (this.#probe === undefined) return this.#find(post, { method, response });
    const second = await post(this.#credentials[await this.#probe]);
    if (isClientRefused(second)) throw this.#rejected(second);
    return this.#accepted(second);
  }

  async #find(post: Post, refused?: Attempt): Promise<HttpResponse> {
    const attempt = this.#tryEach(post, refused);
    const probe = attempt.then(({ method }) => method);
    // Whoever waits sees the failure; with nobody waiting it must not count as unhandled.
    probe.catch(() => undefined);
    this.#probe = probe;
    try {
      const { method, response } = await attempt;
      if (response.status === 200 && this.#kept !== method) {
        this.#kept = method;
        const message = `The authorization server accepts ${method}; it is used from now on.`;
        this.#logger.info({ event: 'as.client_authentication', method }, message);
      }
      return this.#accepted(response);
    } finally {
      this.#probe = undefined;
    }
  }

  async #tryEach(post: Post, refused?: Attempt): Promise<Attempt> {
    let last = refused;
    for (const method of this.#inOrder()) {
      if (method === refused?.method) continue;
      last = { method, response: await post(this.#credentials[method]) };
      if (!isClientRefused(last.response)) return last;
    }
    throw this.#rejected((last as Attempt).response);
  }

  #inOrder(): readonly ClientAuthenticationMethod[] {
    const advertised = this.#advertised();
    return this.#methods.toSorted((a, b) => Number(advertised.includes(b)) - Number(advertised.includes(a)));
  }

  #accepted(response: HttpResponse): HttpResponse {
    if (response.status === 200) this.#acceptedAt = this.#now();
    return response;
  }

  // Credentials that worked within the last minute are not at fault: some servers answer 401 to a token that they
  // dislike, and one such token must not keep everybody out.
  #rejected(response: HttpResponse): AuthorizationServerError {
    const now = this.#now();
    const held = now - this.#acceptedAt >= HOLD_MS;
    if (held) {
      this.#heldUntil = now + HOLD_MS;
      // What worked works no more: when the minute is over, one request finds out for all.
      this.#kept = undefined;
    }
    return this.#exchange.clientRejected(
      response.status,
      `Check OIDC_RS_CLIENT_ID and OIDC_RS_CLIENT_SECRET (tried: ${this.#methods.join(', ')}).`,
      held ? HOLD_MS / 1000 : undefined,
    );
  }

  #refuseWhileHeld(): void {
    const rest = this.#heldUntil - this.#now();
    if (rest <= 0) return;
    throw new AuthorizationServerError(
      'ERR_AS_CLIENT_REJECTED',
      'The authorization server refused the credentials of this resource server less than a minute ago.',
      Math.ceil(rest / 1000),
    );
  }
}

/** Whether the server says that it does not know us, as opposed to anything about the token. */
function isClientRefused(response: HttpResponse): boolean {
  if (response.status === 401) return true;
  return response.status === 400 && parseJsonObject(response.body)?.error === 'invalid_client';
}

/**
 * The form-url-encoding of RFC 6749 appendix B. `~` stays as it is: encoded and not, it means the same, and servers
 * that forget to decode then still understand it.
 */
function formEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
