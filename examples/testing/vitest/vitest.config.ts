import { defineConfig } from 'vitest/config';

// Only inside this repository: the examples use the sources of the package. A project of yours needs no configuration.
const conditions = ['oidc-resource-server-source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { root: import.meta.dirname, include: ['*.test.ts'] },
});
