import type { ReadBody } from '../types.ts';

/** What reads the body of a `Request` of the Fetch API, as far as it may. */
export function fetchBody(request: Pick<Request, 'body' | 'bodyUsed' | 'headers'>): ReadBody {
  return async (maxBytes) => {
    if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return undefined;
    if (request.bodyUsed || request.body === null || request.body.locked) return '';
    const reader = request.body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    let size = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return text + decoder.decode();
        size += value.length;
        // Not cancelled: on some servers that would close the connection before it is answered.
        if (size > maxBytes) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    } catch {
      return '';
    } finally {
      reader.releaseLock();
    }
  };
}
