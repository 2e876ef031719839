import type { IncomingMessage } from 'node:http';
import type { ReadBody } from '../types.ts';
import { formText, within } from './form-text.ts';

/**
 * What reads the body of a request of `node:http`, or of a framework's that is built on it: out of its stream, or where a
 * body parser of the application has emptied that, from where it has left what it read.
 *
 * @param parsed The object at whose `body` body parsers leave it. Default: the request itself, as in Express.
 */
export function nodeBody(request: IncomingMessage, parsed: object = request): ReadBody {
  return async (maxBytes) => {
    if (isRead(request)) return textOf((parsed as { body?: unknown }).body, maxBytes);
    // Announced: nothing of it needs to be read to know. Node throws away what nobody reads once it has answered.
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined;
    return readStream(request, maxBytes);
  };
}

function isRead(request: IncomingMessage): boolean {
  return request.readableDidRead || request.readableEnded || request.destroyed;
}

function readStream(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (text: string | undefined): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      // `error` stays heard: a caller that hangs up later must not end the process.
      resolve(text);
    };
    const onData = (chunk: Buffer | string): void => {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size <= maxBytes) {
        chunks.push(bytes);
        return;
      }
      settle(undefined);
      // The rest is thrown away as it comes, so that the caller gets to read the answer.
      request.resume();
    };
    const onEnd = (): void => {
      settle(Buffer.concat(chunks).toString());
    };
    const onClose = (): void => {
      settle('');
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

/** What body parsers make of a form: an object, the text, or its bytes. */
function textOf(body: unknown, maxBytes: number): string | undefined {
  if (typeof body === 'string') return within(body, maxBytes);
  if (body instanceof Uint8Array) return body.length > maxBytes ? undefined : Buffer.from(body).toString();
  return typeof body === 'object' && body !== null ? formText(body, maxBytes) : '';
}
