import { type HttpAdapter, HttpError, type HttpRequest, type HttpResponse } from './http-adapter.ts';

/** For how long the start of the application is left alone, in milliseconds. */
const AFTER_START_MS = 50;

/**
 * An adapter that is loaded a moment after the start, or by the first request: undici takes longer to load than all the
 * rest of a start, and nobody is asked before a request comes.
 */
export class LateHttpAdapter implements HttpAdapter {
  readonly #load: () => Promise<HttpAdapter>;
  readonly #timer: NodeJS.Timeout;
  #loading: Promise<HttpAdapter> | undefined;
  #adapter: HttpAdapter | undefined;
  #isClosed = false;

  /** @param load Makes the adapter; called once, unless it fails. */
  constructor(load: () => Promise<HttpAdapter>) {
    this.#load = load;
    // Whether it can be loaded is told to the first request.
    this.#timer = setTimeout(() => void this.#loaded().catch(() => undefined), AFTER_START_MS).unref();
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    return this.#adapter === undefined ? this.#first(request) : this.#adapter.request(request);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isClosed = true;
    await (await this.#loading?.catch(() => undefined))?.close?.();
  }

  async #first(request: HttpRequest): Promise<HttpResponse> {
    if (this.#isClosed) throw new HttpError('network', 'The HTTP adapter is closed.');
    return (await this.#loaded()).request(request);
  }

  #loaded(): Promise<HttpAdapter> {
    this.#loading ??= this.#load().then(
      (adapter) => (this.#adapter = adapter),
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }
}
