import { defineConfig } from 'vitest/config';

const conditions = ['oidc-resource-server-source'];
const EXPRESS = 'test/framework/express.test.ts';

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
    ],
  },
});
