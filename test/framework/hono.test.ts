import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { frameworkContract } from './framework-contract.ts';
import { startHono } from './hono-contract.ts';

describe('Hono', () => {
  // Hono's own answer to what handlers throw prints it.
  beforeAll(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  frameworkContract({ describe, it }, startHono);
});
