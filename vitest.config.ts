import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const conditions = ['oidc-resource-server-source'];
const EXPRESS = 'test/framework/express.test.ts';
const NEST11 = fileURLToPath(new URL('test/framework/nest11/node_modules/@nestjs/', import.meta.url));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'] } },
      // One adapter for Express 4 and 5: the same suite again, with `express` resolved to Express 4.
      {
        extends: true,
        resolve: { alias: [{ find: /^express$/, replacement: 'express4' }] },
        test: { name: 'express4', include: [EXPRESS], env: { EXPRESS_UNDER_TEST: 'express4' } },
      },
      // One adapter for Koa 2 and 3, in the same way.
      {
        extends: true,
        resolve: { alias: [{ find: /^koa$/, replacement: 'koa2' }] },
        test: { name: 'koa2', include: ['test/framework/koa.test.ts'], env: { KOA_UNDER_TEST: 'koa2' } },
      },
      // One adapter for NestJS 11 and 12: the same suite again, with every package of Nest resolved to NestJS 11.
      {
        extends: true,
        resolve: { alias: [{ find: /^@nestjs\//, replacement: NEST11 }] },
        test: { name: 'nest11', include: ['test/framework/nest*.test.ts'], env: { NEST_UNDER_TEST: '11' } },
      },
    ],
  },
});
