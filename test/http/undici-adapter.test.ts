import { describe, it } from 'vitest';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { httpAdapterContract } from './http-adapter-contract.ts';

describe('UndiciHttpAdapter', () => {
  httpAdapterContract({ describe, it }, (options) => new UndiciHttpAdapter(options));
});
