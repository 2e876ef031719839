/** A request to the authorization server. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** One deadline over connection, headers and body, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest body that is read, in bytes after decompression. */
  readonly maxBytes: number;
}

/** The answer, read to its end. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/**
 * How requests travel to the authorization server. Buffered and plain on purpose: there is nothing to stream.
 *
 * An adapter follows no redirect (it would carry the token away), keeps no cookies, takes no proxy from the
 * environment, and gives up at `timeoutMs` and at `maxBytes`. Any status is an answer; only a request that brought none rejects.
 */
export interface HttpAdapter {
  /** Sends a request and resolves with the whole answer. @throws HttpError, or any error of the transport */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes kept connections, once requests in flight have ended. */
  close?(): Promise<void>;
}

/** Why a request brought no answer. */
export type HttpErrorKind =
  'timeout' | 'too_large' | 'encoding' | 'dns' | 'tls' | 'refused' | 'reset' | 'protocol' | 'network';

/** Thrown by the shipped adapters. It names a kind and carries nothing of the request or the answer. */
export class HttpError extends Error {
  readonly kind: HttpErrorKind;

  constructor(kind: HttpErrorKind, message: string) {
    super(message);
    this.name = 'HttpError';
    this.kind = kind;
  }
}
