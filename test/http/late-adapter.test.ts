import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HttpAdapter, HttpRequest } from '../../src/http/http-adapter.ts';
import { LateHttpAdapter } from '../../src/http/late-adapter.ts';

const REQUEST = { method: 'GET', url: 'https://auth.example.com/jwks' } as unknown as HttpRequest;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function late() {
  const adapter = {
    request: vi.fn<HttpAdapter['request']>(() =>
      Promise.resolve({ status: 200, headers: {}, body: Buffer.alloc(0) }),
    ),
    close: vi.fn(() => Promise.resolve()),
  };
  const load = vi.fn((): Promise<HttpAdapter> => Promise.resolve(adapter));
  return { adapter, load, http: new LateHttpAdapter(load) };
}

describe('an adapter that is loaded late', () => {
  it('is not loaded by the start, but a moment later', async () => {
    const { http, load, adapter } = late();
    expect(load).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(50);
    expect(load).toHaveBeenCalledOnce();
    await http.request(REQUEST);
    expect(load).toHaveBeenCalledOnce();
    expect(adapter.request).toHaveBeenCalledWith(REQUEST);
  });

  it('is loaded once by requests that come before', async () => {
    const { http, load, adapter } = late();
    await Promise.all([http.request(REQUEST), http.request(REQUEST)]);
    await vi.advanceTimersByTimeAsync(50);
    expect(load).toHaveBeenCalledOnce();
    expect(adapter.request).toHaveBeenCalledTimes(2);
  });

  it('tells the request that it cannot be loaded, and tries again for the next', async () => {
    const { http, load } = late();
    load.mockRejectedValueOnce(new Error('not installed'));
    await vi.advanceTimersByTimeAsync(50);
    load.mockRejectedValueOnce(new Error('not installed'));
    await expect(http.request(REQUEST)).rejects.toThrow('not installed');
    expect((await http.request(REQUEST)).status).toBe(200);
  });

  it('is not loaded to be closed, and sends nothing afterwards', async () => {
    const { http, load } = late();
    await http.close();
    await vi.advanceTimersByTimeAsync(50);
    await expect(http.request(REQUEST)).rejects.toThrow('The HTTP adapter is closed.');
    expect(load).not.toHaveBeenCalled();
  });

  it('closes what was loaded, or is being loaded', async () => {
    const { http, adapter } = late();
    const asked = http.request(REQUEST);
    await http.close();
    expect((await asked).status).toBe(200);
    expect(adapter.close).toHaveBeenCalledOnce();
  });
});
