import { afterEach, expect, it, vi } from 'vitest';
import { createProvider, loadProvider } from '../../src/testing/quiet-provider.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('drops the two expected warnings and lets all others through', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  createProvider(await loadProvider(), 'http://127.0.0.1:1', {});
  const printed = warn.mock.calls.flat().join('\n');
  expect(printed).toContain('in-memory adapter');
  expect(printed).toContain('signing keys');
  expect(printed).not.toContain('Unsupported runtime');
  expect(printed).not.toContain('devInteractions');
  expect(console.warn).toBe(warn);
});
