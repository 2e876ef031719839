import type { Answer, ResourceRequest } from '../types.ts';

// A Headers object joins a header that was sent twice with a comma. `Basic YTpi, Bearer a` would then read as one header
// of another scheme, and so as no credentials. No scheme's own syntax has a comma before the name of one of ours, unless
// in a quoted text: there the second header begins, and the request is refused. Two headers of other schemes cannot be
// told from one; they are no credentials either way.
const SECOND_HEADER = /,[ \t]*(?=(?:Bearer|DPoP)(?:[ \t,]|$))/i;

/** What the resource server reads of a `Request` of the Fetch API. */
export function fetchRequest(request: Pick<Request, 'method' | 'url' | 'headers'>): ResourceRequest {
  const rawHeaders: string[] = [];
  request.headers.forEach((value, name) => {
    if (name === 'authorization' && value.includes(',')) {
      for (const one of value.split(SECOND_HEADER)) rawHeaders.push(name, one);
    } else {
      rawHeaders.push(name, value);
    }
  });
  return { method: request.method, url: pathAndQuery(request.url), rawHeaders };
}

/** Whether it is a CORS preflight, which carries no credentials and must not be served by a handler. */
export function isPreflight(request: Pick<Request, 'method' | 'headers'>): boolean {
  if (request.method !== 'OPTIONS') return false;
  const { headers } = request;
  return headers.has('origin') && headers.has('access-control-request-method');
}

/** The `Response` for an answer of the resource server; without a body where the request is HEAD. */
export function fetchResponse(answer: Answer, request: Pick<Request, 'method'>): Response {
  const headers: [name: string, value: string][] = [];
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of typeof value === 'string' ? [value] : value) headers.push([name, one]);
  }
  // An empty text would be a body too, which a Response with the status 304 must not have.
  const body = answer.body === '' || request.method === 'HEAD' ? null : answer.body;
  return new Response(body, { status: answer.status, headers });
}

/** Keeps shared caches from storing what one person may see, unless the answer has a `Cache-Control` of its own. */
export function privately(response: Response): Response {
  // 101 hands the connection over, and status 0 is a network error. Neither can be copied, nor stored by a cache.
  if (response.status < 200 || response.headers.has('cache-control')) return response;
  try {
    response.headers.set('cache-control', 'private');
    return response;
  } catch {
    // Answers of fetch() and Response.redirect() have headers that cannot be changed.
    const { body, status, statusText } = response;
    const headers = new Headers(response.headers);
    headers.set('cache-control', 'private');
    return new Response(body, { status, statusText, headers });
  }
}

/** Cut out of the text: the runtime has parsed it already, and has put a slash behind the host. */
function pathAndQuery(url: string): string {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  return path === -1 ? '/' : url.slice(path);
}
