import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import {
  FetchHttpAdapter,
  type HttpAdapter,
  HttpError,
  type HttpRequest,
  type HttpResponse,
} from 'oidc-resource-server';

type Answer = (request: HttpRequest) => Promise<HttpResponse>;

/** The right adapter, with another `request` that may call the right one. */
function changing(change: (right: Answer) => Answer): () => HttpAdapter {
  return () => {
    const right = new FetchHttpAdapter();
    return { request: change((request) => right.request(request)), close: () => Promise.resolve() };
  };
}

const changingRequest = (change: (request: HttpRequest) => Partial<HttpRequest>): (() => HttpAdapter) =>
  changing((right) => (request) => right({ ...request, ...change(request) }));

const changingAnswer = (change: (response: HttpResponse) => Partial<HttpResponse>): (() => HttpAdapter) =>
  changing((right) => async (request) => {
    const response = await right(request);
    return { ...response, ...change(response) };
  });

const changingError = (change: (error: HttpError, request: HttpRequest) => unknown): (() => HttpAdapter) =>
  changing(
    (right) => (request) =>
      right(request).catch((error: unknown) => {
        throw change(error as HttpError, request) as Error;
      }),
  );

/** Sends cookies back, as a browser does. */
function keepingCookies(): HttpAdapter {
  let cookie = '';
  return changing((right) => async (request) => {
    const headers = cookie === '' ? request.headers : { ...request.headers, cookie };
    const response = await right({ ...request, headers });
    cookie = (response.headers['set-cookie'] ?? '').split(';', 1)[0] ?? '';
    return response;
  })();
}

/** Fails for good once it has failed. */
function sulking(): HttpAdapter {
  let failure: unknown;
  return changing((right) => (request) => {
    if (failure !== undefined) throw failure as Error;
    return right(request).catch((error: unknown) => {
      failure = error;
      throw error as Error;
    });
  })();
}

const following: Answer = async (request) => {
  const response = await new FetchHttpAdapter().request(request);
  const { location } = response.headers;
  return location === undefined ? response : following({ ...request, url: location, timeoutMs: 300 });
};

/** What each breaks of the contract, and the tests that find it: these fail, and no others. */
export const BROKEN_ADAPTERS: Record<string, [make: () => HttpAdapter, found: RegExp]> = {
  'loses the body': [changingRequest(() => ({ body: '' })), /comes to GET|POST with a body/],
  'always posts': [changingRequest(() => ({ method: 'POST' })), /comes to GET/],
  'loses the headers': [
    changingRequest(() => ({ headers: {} })),
    /comes to GET|POST with a body|a header that is none/,
  ],
  'cuts the query off': [
    changingRequest(({ url }) => ({ url: url.split('?', 1)[0] as string })),
    /comes to GET/,
  ],
  'asks for compression': [
    changingRequest(({ headers }) => ({ headers: { ...headers, 'accept-encoding': 'gzip' } })),
    /without compression/,
  ],
  'keeps header names as they came': [
    changingAnswer(({ headers }) => ({
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
      ),
    })),
    /names in lower case/,
  ],
  'gives text for bytes': [
    changingAnswer(({ body }) => ({ body: new TextDecoder().decode(body) as unknown as Uint8Array })),
    /an answer >|may be the largest|is undone|close\(\) > lets|proxy from|over with its request/,
  ],
  'calls every answer a success': [
    changingAnswer(() => ({ status: 200 })),
    /any status|early hint|a redirect/,
  ],
  'throws at what is no success': [
    changing((right) => async (request) => {
      const response = await right(request);
      if (response.status >= 300) throw new HttpError('network');
      return response;
    }),
    /any status|a redirect/,
  ],
  'follows redirects': [() => ({ request: following }), /a redirect|close\(\)/],
  'keeps cookies': [keepingCookies, /keeps cookies/],
  'has a longer deadline': [
    changingRequest(({ timeoutMs }) => ({ timeoutMs: timeoutMs + 2500 })),
    /the deadline|no longer than their deadline/,
  ],
  'has a shorter deadline': [
    changingRequest(({ timeoutMs }) => ({ timeoutMs: timeoutMs * 0.4 })),
    /the deadline/,
  ],
  'reads one byte more': [
    changingRequest(({ maxBytes }) => ({ maxBytes: maxBytes + 1 })),
    /the size|hide the size/,
  ],
  'reads one byte less': [
    changingRequest(({ maxBytes }) => ({ maxBytes: maxBytes - 1 })),
    /may be the largest/,
  ],
  'reads whatever comes': [
    changingRequest(() => ({ maxBytes: 200_000_000, timeoutMs: 1500 })),
    /the size|hide the size|too large|the deadline|in time|no longer than/,
  ],
  'cuts what is too large': [
    changing((right) => async (request) => {
      const response = await right({ ...request, maxBytes: 200_000_000 });
      return { ...response, body: response.body.subarray(0, request.maxBytes) };
    }),
    /the size|hide the size|too large/,
  ],
  'tells the URL': [
    changingError(({ kind }, { url }) => Object.assign(new HttpError(kind), { message: `${url} failed` })),
    /tells nothing/,
  ],
  'tells the headers': [
    changingError(({ kind }, { headers }) => Object.assign(new HttpError(kind), { headers })),
    /tells nothing/,
  ],
  'has a cause': [
    changingError(({ kind }) => Object.assign(new HttpError(kind), { cause: new Error('why') })),
    /tells nothing/,
  ],
  'does not say why': [
    changingError(() => new HttpError('network')),
    /the deadline|the size|compression|a failure|no longer than/,
  ],
  'fails by something else than an error': [
    changing((right) => (request) => right(request).catch(() => Promise.reject('no'))),
    /the deadline|the size|compression|a failure|tells nothing|no longer than/,
  ],
  'is offended by a failure': [sulking, /over with its request/],
  'decompresses once more': [
    changingAnswer(({ body, headers }) => {
      const encoding = headers['content-encoding'];
      if (encoding === 'gzip') return { body: gunzipSync(body) };
      if (encoding === 'br') return { body: brotliDecompressSync(body) };
      return encoding === 'deflate' ? { body: inflateSync(body) } : {};
    }),
    /is undone/,
  ],
  'ends requests under way when it is closed': [
    () => {
      const right = new FetchHttpAdapter();
      let close = (): void => undefined;
      const closed = new Promise<never>((_resolve, reject) => {
        close = () => {
          reject(new HttpError('network'));
        };
      });
      closed.catch(() => undefined);
      return {
        request: (request) => Promise.race([right.request(request), closed]),
        close: () => {
          close();
          return Promise.resolve();
        },
      };
    },
    /close\(\)/,
  ],
};
