import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { type SharedTimer, Waiting } from '../shared-timer.ts';
import { HttpError, httpErrorFrom, type HttpResponse } from './http-adapter.ts';

/** What a call tells the adapter. */
export interface Line {
  /** Sends the call again, if that is safe after this error. */
  retry(call: Call, error: Error): boolean;
  ended(): void;
}

/** What a {@link Call} is made of. */
export interface CallParts {
  readonly options: Dispatcher.DispatchOptions;
  readonly maxBytes: number;
  readonly timer: SharedTimer;
  readonly line: Line;
  resolve(response: HttpResponse): void;
  reject(error: HttpError): void;
}

/** One request and its answer. The deadline starts when it is made. */
export class Call extends Waiting implements Dispatcher.DispatchHandler {
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
