import { Socket } from 'node:net';
import * as tls from 'node:tls';
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { SharedTimer } from '../shared-timer.ts';
import type { HttpAdapter, HttpRequest, HttpResponse } from './http-adapter.ts';
import { HttpError, httpErrorFrom } from './http-adapter.ts';
import { Call, type Line } from './undici-call.ts';

/** How {@link UndiciHttpAdapter} reaches the authorization server. */
export interface UndiciHttpAdapterOptions {
  /** Whether certificates are verified. Default: `true`; `false` is for development only. */
  readonly rejectUnauthorized?: boolean;
  /** Certificates (PEM) of authorities to trust besides those of the system. Default: none. */
  readonly ca?: string;
  /** The URL of a proxy, with its credentials if it wants any. Default: none, whatever the environment says. */
  readonly proxy?: string;
  /** How many connections there may be; further requests wait for one, within their deadline. Default: no limit. */
  readonly connections?: number;
}

/** How long a connection is kept for the next request when the server does not say, in milliseconds. */
const KEEP_ALIVE_MS = 30_000;
/** How long a proxy may take for each step of a tunnel, in milliseconds. Only cleans up: a request has its own deadline. */
const TUNNEL_MS = 10_000;
/** How many URLs are kept parsed. An authorization server has a handful. */
const MAX_TARGETS = 100;

/**
 * Sends requests over kept-alive HTTP/1.1 connections. It uses undici's `dispatch`, so that no stream is made.
 *
 * A request is sent a second time, at once and within the same deadline, only when a kept connection turned out to be
 * dead before any byte of an answer came. It speaks no HTTP/2.
 */
export class UndiciHttpAdapter implements HttpAdapter {
  readonly #dispatcher: Dispatcher;
  /**
   * How many requests have no outcome yet. A number: a Set that grows old would keep every request that it has held from
   * being collected cheaply, which was measured at a sixth of the time of a request.
   */
  #pending = 0;
  readonly #targets = new Map<string, Target>();
  /** Errors of connections that had already brought an answer. */
  readonly #keptAlive = new WeakSet<Error>();
  /** The latest deadline of all calls, on the monotonic clock: none of them waits longer for a connection. */
  #connectBy = 0;
  #timer = new SharedTimer(0);
  #lastFields: { readonly of: object; readonly fields: string[] } | undefined;
  /** What every call tells. Made once, and no closures for each. */
  readonly #line: Line = {
    retry: (call, error) => this.#keptAlive.has(error) && this.#dispatch(call),
    ended: () => {
      this.#pending -= 1;
      if (this.#pending === 0) this.#onIdle?.();
    },
  };
  #closed: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: UndiciHttpAdapterOptions = {}) {
    const { rejectUnauthorized = true, ca, proxy, connections } = options;
    // One context for all connections: parsing the authorities takes milliseconds.
    const tlsOptions = { rejectUnauthorized, ...(ca !== undefined && { secureContext: contextWith(ca) }) };
    const agentOptions: Agent.Options = {
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The deadline of the request is the only clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      connections: connections ?? null,
      factory: (origin, given: { connect: Connect }) =>
        new Pool(origin, { ...given, connect: this.#watched(given.connect) }),
    };
    this.#dispatcher =
      proxy === undefined
        ? new Agent({ ...agentOptions, connect: buildConnector({ ...tlsOptions, timeout: 0 }) })
        : new ProxyAgent({
            ...agentOptions,
            uri: proxy,
            requestTls: { ...tlsOptions, timeout: TUNNEL_MS },
            proxyTls: { ...tlsOptions, timeout: TUNNEL_MS },
            clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: TUNNEL_MS }),
          });
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw new HttpError('network', 'The HTTP adapter is closed.');
      const { method, url, headers, body = null, timeoutMs, maxBytes } = request;
      const { origin, path } = this.#target(url);
      const options = { origin, path, method, headers: this.#fieldsOf(headers), body };
      const timer = this.#timerFor(timeoutMs);
      const call = new Call({ options, maxBytes, timer, line: this.#line, resolve, reject });
      this.#pending += 1;
      this.#dispatch(call);
    });
  }

  /** Lets requests under way end, which their deadlines bound, then closes all connections. New requests are refused. */
  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      if (this.#pending === 0) resolve();
    }).then(() => this.#dispatcher.destroy());
    return this.#closed;
  }

  #dispatch(call: Call): true {
    this.#connectBy = Math.max(this.#connectBy, call.until);
    try {
      this.#dispatcher.dispatch(call.options, call);
    } catch (error) {
      call.onResponseError(undefined, error);
    }
    return true;
  }

  // All requests have the same deadline, nearly always.
  #timerFor(ms: number): SharedTimer {
    if (this.#timer.ms !== ms) this.#timer = new SharedTimer(ms);
    return this.#timer;
  }

  // A flat list is what undici takes as it is. That of headers which cannot change is made once.
  #fieldsOf(headers: Readonly<Record<string, string>>): string[] {
    if (this.#lastFields?.of === headers) return this.#lastFields.fields;
    const fields = Object.hasOwn(headers, 'accept-encoding') ? [] : ['accept-encoding', 'identity'];
    for (const name of Object.keys(headers)) fields.push(name, headers[name] as string);
    if (Object.isFrozen(headers)) this.#lastFields = { of: headers, fields };
    return fields;
  }

  #target(url: string): Target {
    const known = this.#targets.get(url);
    if (known !== undefined) return known;
    // The error of `new URL()` would hold the URL.
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password) {
      throw new HttpError('network', 'The URL is not an absolute http or https URL without credentials.');
    }
    const target = { origin: parsed.origin, path: parsed.pathname + parsed.search };
    if (this.#targets.size >= MAX_TARGETS) this.#targets.clear();
    this.#targets.set(url, target);
    return target;
  }

  /**
   * Gives up making a connection when nobody can be waiting for it any more: undici does not abort it with the request.
   * It also hides the code of what went wrong, because on some codes undici would connect again for ever.
   */
  #watched(connect: Connect): Connect {
    return (options, callback) => {
      // undici also connects for requests that were aborted, or whose deadline passed while they waited.
      if (this.#pending === 0) {
        setImmediate(callback, new HttpError('network'), null);
        return;
      }
      let done = false;
      const finish: buildConnector.Callback = (...[error, socket]) => {
        clearTimeout(timer);
        if (done) {
          socket?.destroy();
        } else if (error !== null) {
          callback(httpErrorFrom(error), null);
        } else {
          const before = socket.bytesRead;
          socket.once('error', (cause: Error) => {
            if (socket.bytesRead > before) this.#keptAlive.add(cause);
          });
          callback(null, socket);
        }
        done = true;
      };
      const socket = connect(options, finish);
      const ms = Math.max(1, this.#connectBy - performance.now());
      const timer = setTimeout(() => {
        const error = new HttpError('timeout');
        finish(error, null);
        if (socket instanceof Socket) socket.destroy(error);
      }, ms);
    };
  }
}

/** undici's connector. It returns the socket, which undici's types do not say; that of its ProxyAgent returns a promise. */
type Connect = (options: buildConnector.Options, callback: buildConnector.Callback) => unknown;

type Target = Readonly<Record<'origin' | 'path', string>>;

// In Node, `ca` replaces the authorities of the system. Only newer Nodes tell those of NODE_EXTRA_CA_CERTS too.
function contextWith(ca: string): tls.SecureContext {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return tls.createSecureContext({ ca: [...(getCACertificates?.('default') ?? tls.rootCertificates), ca] });
}
