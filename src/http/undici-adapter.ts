import { Socket } from 'node:net';
import * as tls from 'node:tls';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { SharedTimer, Waiting } from '../shared-timer.ts';
import type { HttpAdapter, HttpRequest, HttpResponse } from './http-adapter.ts';
import { HttpError, httpErrorFrom } from './http-adapter.ts';

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

/** What a call tells the adapter. */
interface Line {
  /** Sends the call again, if that is safe after this error. */
  retry(call: Call, error: Error): boolean;
  ended(): void;
}

interface CallParts {
  readonly options: Dispatcher.DispatchOptions;
  readonly maxBytes: number;
  readonly timer: SharedTimer;
  readonly line: Line;
  resolve(response: HttpResponse): void;
  reject(error: HttpError): void;
}

/** One request and its answer. The deadline starts when it is made. */
class Call extends Waiting implements Dispatcher.DispatchHandler {
  readonly #parts: CallParts;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: Record<string, string> = {};
  #controller: Dispatcher.DispatchController | undefined;
  #attempts = 1;
  #answering = false;
  #over = false;

  constructor(parts: CallParts) {
    super();
    this.#parts = parts;
    parts.timer.start(this);
  }

  get options(): Dispatcher.DispatchOptions {
    return this.#parts.options;
  }

  override expire(): void {
    this.#fail(new HttpError('timeout'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Throwing drops the request and leaves the connection to others, where abort() would destroy it.
    if (this.#over) throw new HttpError('timeout');
    this.#controller = controller;
  }

  /** The first byte of an answer has come. */
  onResponseStarted(): void {
    this.#answering = true;
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    this.#status = status;
    // Made for this answer alone, so that it can be handed on; only what was sent twice is a list.
    for (const name in headers) {
      const value = headers[name];
      if (Array.isArray(value)) headers[name] = value.join(', ');
    }
    this.#headers = headers as Record<string, string>;
    if (Number(this.#headers['content-length']) > this.#parts.maxBytes)
      this.#fail(new HttpError('too_large'));
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#parts.maxBytes) this.#fail(new HttpError('too_large'));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    try {
      const [first] = this.#chunks;
      const raw = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
      const body = inflated(raw, this.#headers['content-encoding'], this.#parts.maxBytes);
      this.#parts.resolve({ status: this.#status, headers: this.#headers, body });
      this.#end();
    } catch (error) {
      this.#fail(httpErrorFrom(error));
    }
  }

  onResponseError(_: unknown, error: unknown): void {
    if (this.#over) return;
    if (!this.#answering && this.#attempts === 1 && error instanceof Error) {
      this.#attempts = 2;
      if (this.#parts.line.retry(this, error)) return;
    }
    this.#fail(httpErrorFrom(error));
  }

  #fail(error: HttpError): void {
    if (this.#over) return;
    this.#parts.reject(error);
    this.#end();
    this.#controller?.abort(error);
  }

  #end(): void {
    this.#over = true;
    this.#parts.timer.stop(this);
    this.#parts.line.ended();
  }
}

// In Node, `ca` replaces the authorities of the system. Only newer Nodes tell those of NODE_EXTRA_CA_CERTS too.
function contextWith(ca: string): tls.SecureContext {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return tls.createSecureContext({ ca: [...(getCACertificates?.('default') ?? tls.rootCertificates), ca] });
}

const DECODERS = new Map([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['br', brotliDecompressSync],
  ['deflate', inflateSync],
]);

// We ask for no compression, so this is for servers that compress all the same. Synchronous: the cap keeps it short.
function inflated(body: Buffer, encoding: string | undefined, maxOutputLength: number): Buffer {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || body.length === 0) return body;
  // Half of the servers leave out the header that `deflate` should have.
  const decode = name === 'deflate' && (body[0] ?? 0) % 16 !== 8 ? inflateRawSync : DECODERS.get(name);
  if (decode === undefined) throw new HttpError('encoding');
  return decode(body, { maxOutputLength });
}
