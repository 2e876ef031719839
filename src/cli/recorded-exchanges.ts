import type { HttpAdapter, HttpRequest, HttpResponse } from '../http/http-adapter.ts';

/** A request to the authorization server, and what came of it. */
export interface RecordedExchange {
  readonly request: HttpRequest;
  /** `undefined` where no answer came. */
  readonly response: HttpResponse | undefined;
  /** When the answer was there, in ms since the epoch. */
  readonly answeredAt: number;
}

/** Sends requests by another adapter and keeps what was sent and what came back, to explain it. */
export class RecordingHttpAdapter implements HttpAdapter {
  readonly exchanges: RecordedExchange[] = [];
  readonly #http: HttpAdapter;

  constructor(http: HttpAdapter) {
    this.#http = http;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    let response: HttpResponse | undefined;
    try {
      response = await this.#http.request(request);
      return response;
    } finally {
      this.exchanges.push({ request, response, answeredAt: Date.now() });
    }
  }

  async close(): Promise<void> {
    await this.#http.close?.();
  }
}

/** The introspection requests among what was sent: the only ones that are posted. */
export function introspectionsOf(exchanges: readonly RecordedExchange[]): readonly RecordedExchange[] {
  return exchanges.filter(({ request }) => request.method === 'POST');
}

/** How a request said who sent it. */
export function clientAuthenticationOf(request: HttpRequest): 'client_secret_basic' | 'client_secret_post' {
  return request.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic';
}
