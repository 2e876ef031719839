import type { HttpAdapter, HttpRequest, HttpResponse } from './http-adapter.ts';
import { HttpError, httpErrorFrom } from './http-adapter.ts';

/** Status of a redirect whose own status the runtime hides, as browsers do. */
const HIDDEN_REDIRECT = 302;
const ENCODINGS = new Set(['identity', 'gzip', 'x-gzip', 'deflate', 'br']);

/**
 * Sends requests with the `fetch` of the runtime, for runtimes that are not Node.
 *
 * It sends nothing a second time, and leaves to the runtime which authorities are trusted and how connections are kept.
 * A runtime may also take a proxy from the environment by itself (Deno and Bun do, Node does not unless told to).
 */
export class FetchHttpAdapter implements HttpAdapter {
  async request(request: HttpRequest): Promise<HttpResponse> {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Not by the signal alone: once the whole answer is in, some Nodes let a broken compression hang in spite of it.
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new HttpError('timeout'));
      }, request.timeoutMs);
    });
    try {
      return await Promise.race([exchange(request, controller.signal), deadline]);
    } catch (error) {
      // Closes the connection, whatever was still to come.
      controller.abort();
      throw httpErrorFrom(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  const { method, url, headers, body = null, maxBytes } = request;
  const response = await fetch(url, {
    // Cookies stay at home, where the runtime keeps any. Cloudflare's refuses to hear of the option.
    ...('credentials' in Request.prototype && { credentials: 'omit' }),
    method,
    headers: { 'accept-encoding': 'identity', ...headers },
    body,
    redirect: 'manual',
    signal,
  });
  return {
    status: response.type === 'opaqueredirect' ? HIDDEN_REDIRECT : response.status,
    headers: Object.fromEntries(response.headers),
    body: await readBody(response, maxBytes),
  };
}

// The runtime has decompressed the body already: the cap counts what comes out.
async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const encoding = response.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (!ENCODINGS.has(encoding)) throw new HttpError('encoding');
  if (Number(response.headers.get('content-length')) > maxBytes) throw new HttpError('too_large');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) break;
    size += part.value.length;
    if (size > maxBytes) throw new HttpError('too_large');
    chunks.push(part.value);
  }
  const body = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}
