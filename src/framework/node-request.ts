import type { IncomingMessage } from 'node:http';
import type { ResourceRequest } from '../types.ts';

/** What the resource server reads of a request of `node:http`, or of a framework's that is built on it. */
export function resourceRequest(
  request: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders'>,
): ResourceRequest {
  // Express cuts the mount path off `url` and keeps the whole in `originalUrl`.
  const { originalUrl } = request as { originalUrl?: string };
  return {
    method: request.method ?? 'GET',
    url: originalUrl ?? request.url ?? '/',
    rawHeaders: request.rawHeaders,
  };
}

/** Whether it is a CORS preflight, which carries no credentials and must not be served by a handler. */
export function isPreflight(request: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  if (request.method !== 'OPTIONS') return false;
  const { headers } = request;
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
