// The layers of src/, and who imports whom: for scripts/check-layers.mjs, which checks them, and scripts/architecture.mjs,
// which draws them.
import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

/** Layer by layer, from the ground up: which files are in it, and which of the layers below, and third parties, they may import. */
export const LAYERS = [
  {
    name: 'ground',
    files: '^src/(types|secret|errors|claims|logger|awaitable|at-once|returned|shared-timer)\\.ts$',
    below: [],
  },
  {
    name: 'settings',
    files: '^src/settings(/|\\.ts$)',
    below: ['ground'],
    packages: ['convict'],
  },
  {
    name: 'contracts',
    files: '^src/(http/http-adapter|user/user-store|constraint/sender-constraint|cache/claims-cache)\\.ts$',
    below: ['ground'],
  },
  {
    name: 'key',
    files: '^src/key/',
    below: ['ground', 'settings', 'contracts'],
    packages: ['jose'],
  },
  {
    name: 'authorization-server',
    files: '^src/authorization-server/',
    below: ['ground', 'settings', 'contracts', 'key'],
  },
  { name: 'endpoint', files: '^src/endpoint/', below: ['ground', 'settings', 'contracts', 'key'] },
  {
    name: 'backend',
    files: '^src/backend/',
    below: ['ground', 'settings', 'contracts', 'key', 'authorization-server', 'endpoint'],
  },
  {
    name: 'authentication',
    files: '^src/authentication/',
    below: ['ground', 'settings', 'contracts'],
    types: ['^src/backend/resource-server-backend\\.ts$'],
  },
  {
    name: 'drivers',
    files:
      '^src/(framework/|cache/|http/((undici|fetch|late)-adapter|undici-call)\\.ts$|user/((claims|memory)-user-store|kysely-.*)\\.ts$)',
    below: ['ground', 'settings', 'contracts'],
    // Only the bases of the framework adapters, and the parts of the Kysely store, are shared; drivers of one contract do
    // not know each other. Each has its own third party: see ONE_FILE.
    within:
      '^src/(framework/(admissions|node|node-request|node-body|fetch-body|form-text|nest-guard|fetch|fetch-request|published-answer)|http/undici-call|user/kysely-(migration|sqlite-rows|statements|table|values)|cache/.*)\\.ts$',
    packages: ['*'],
  },
  {
    name: 'composition',
    files:
      '^src/(container|configured-cache|backend-module|user-store-problems|composition|resource-server|index|testing/.*|cli/.*)\\.ts$',
    below: ['.*'],
    within: '.*',
    packages: [
      'tsyringe',
      'reflect-metadata',
      'jose',
      'oidc-provider',
      'selfsigned',
      'commander',
      'kysely',
      'libsql',
      'pg',
    ],
  },
];

/** Packages that one file each may import. */
export const ONE_FILE = {
  convict: 'src/settings.ts',
  tsyringe: 'src/container.ts',
  'reflect-metadata': 'src/container.ts',
  commander: 'src/cli/program.ts',
  express: 'src/framework/express.ts',
  fastify: 'src/framework/fastify.ts',
  'fastify-plugin': 'src/framework/fastify.ts',
  hono: 'src/framework/hono.ts',
  koa: 'src/framework/koa.ts',
  graphql: 'src/framework/graphql.ts',
  '@trpc/server': 'src/framework/trpc.ts',
  ws: 'src/framework/ws.ts',
  keyv: 'src/cache/redis.ts',
  '@keyv/redis': 'src/cache/redis.ts',
  'lru-cache': 'src/cache/memory-claims-cache.ts',
  'oidc-provider': 'src/testing/quiet-provider.ts',
  selfsigned: 'src/testing/certificates.ts',
};

/** The exceptions: a store and an adapter that are several files. */
export const SEVERAL_FILES = {
  undici: /^src\/http\/undici-/,
  kysely: /^src\/(user\/kysely-|cli\/user-database)/,
  '@nestjs/common': /^src\/framework\/nest(-guard)?\.ts$/,
  '@nestjs/core': /^src\/framework\/nest(-guard)?\.ts$/,
};

/** The layer of a file. */
export const layerOf = (path) => LAYERS.find(({ files }) => new RegExp(files).test(path));

/** Every module of src/ with what it imports; throws where one was not seen. */
export async function readModules() {
  const { output } = await cruise(
    ['src'],
    { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' }, detectJSDocImports: false },
    {},
    { tsConfig: extractTSConfig('tsconfig.json') },
  );
  const modules = output.modules.filter(({ source }) => source.startsWith('src/'));
  const files = readdirSync('src', { recursive: true }).filter((file) => file.endsWith('.ts'));
  if (modules.length < files.length) {
    throw new Error(
      `saw ${modules.length} modules, and src/ has ${files.length}: what was not seen was not checked`,
    );
  }
  return modules;
}
