import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, ResourceRequest } from '../types.ts';

/** What the resource server reads of a request of `node:http`, or of a framework's that is built on it. */
export function resourceRequest(
  request: Pick<IncomingMessage, 'method' | 'url' | 'rawHeaders'>,
): ResourceRequest {
  // Express cuts the mount path off `url`, and Fastify rewrites it, and they keep what was sent in `originalUrl`.
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

/** Whether it is a request of `node:http`, whoever hands it over. */
export function isNodeRequest(request: unknown): request is IncomingMessage {
  return Array.isArray((request as Partial<IncomingMessage> | null | undefined)?.rawHeaders);
}

/** Sends an answer of the resource server, unless nobody waits for one any more. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if (response.destroyed || response.writableEnded) return;
  // The answer has begun: it cannot be taken back, only cut off, so that nobody takes half of it for the whole.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = answer.status;
  for (const name of Object.keys(answer.headers)) response.setHeader(name, answer.headers[name] as string);
  response.end(answer.body);
}
