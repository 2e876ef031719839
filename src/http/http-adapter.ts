/** A request to the authorization server. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  readonly body?: string | undefined;
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

const MESSAGES: Record<HttpErrorKind, string> = {
  timeout: 'No whole answer came in time.',
  too_large: 'The answer is larger than what is read.',
  encoding: 'The answer is compressed in a way that cannot be read.',
  dns: 'The name of the host could not be resolved.',
  tls: 'No trusted TLS connection could be made.',
  refused: 'The connection was refused.',
  reset: 'The connection was closed before the whole answer came.',
  protocol: 'The answer is not HTTP.',
  network: 'The request brought no answer.',
};

/** Thrown by the shipped adapters. It names a kind and carries nothing of the request or the answer. */
export class HttpError extends Error {
  readonly kind: HttpErrorKind;

  /** `message` defaults to a fixed text for the kind. */
  constructor(kind: HttpErrorKind, message: string = MESSAGES[kind]) {
    super(message);
    this.name = 'HttpError';
    this.kind = kind;
  }
}

/**
 * Tells the kind of a transport's error by its code, or by the code of a `cause`. Only the code goes into the
 * message: the error itself may hold the address, or bytes of the answer, so it becomes no `cause` either.
 */
export function httpErrorFrom(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  let current = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    const { code, name, cause } = current as { code?: unknown; name?: unknown; cause?: unknown };
    // The errors of undici 7's parser have no code.
    if (name === 'HTTPParserError') return new HttpError('protocol');
    const kind = typeof code === 'string' && /^[A-Z][A-Z\d_]{1,63}$/.test(code) ? kindOf(code) : undefined;
    if (kind !== undefined) return new HttpError(kind, `${MESSAGES[kind]} (${String(code)})`);
    current = cause;
  }
  return new HttpError('network');
}

const CODES: readonly (readonly [HttpErrorKind, RegExp])[] = [
  ['timeout', /^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/],
  ['dns', /^(ENOTFOUND|EAI_\w+)$/],
  // undici says ABORTED when a proxy answers CONNECT with anything but 200.
  ['refused', /^(ECONNREFUSED|UND_ERR_ABORTED)$/],
  ['reset', /^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET)$/],
  ['too_large', /^(UND_ERR_HEADERS_OVERFLOW|ERR_BUFFER_TOO_LARGE)$/],
  ['encoding', /^(Z_\w+|ERR__ERROR_\w+|ERR_BROTLI_\w+)$/],
  ['protocol', /^(HPE_\w+|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/],
  [
    'tls',
    /^((CERT|ERR_TLS|ERR_SSL|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|CRL|ERROR_IN)_\w+|EPROTO|UND_ERR_PRX_TLS|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/,
  ],
];

function kindOf(code: string): HttpErrorKind | undefined {
  return CODES.find(([, codes]) => codes.test(code))?.[0];
}
