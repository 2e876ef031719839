// Checks that imports in src/ point downward only, as docs/architecture.md draws it. `import type` counts.
import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

/** Layer by layer, from the ground up: which files are in it, and which of the layers below, and third parties, they may import. */
const LAYERS = [
  { name: 'ground', files: '^src/(types|secret|errors|claims|logger)\\.ts$', below: [] },
  {
    name: 'settings',
    files: '^src/settings(/|\\.ts$)',
    below: ['ground'],
    packages: ['convict'],
  },
  {
    name: 'contracts',
    files: '^src/(http/http-adapter|user/user-store|constraint/sender-constraint)\\.ts$',
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
    packages: ['jose'],
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
      '^src/(framework/|http/(undici|fetch)-adapter\\.ts$|user/((claims|memory)-user-store|kysely-.*)\\.ts$)',
    below: ['ground', 'settings', 'contracts'],
    // Only the bases of the framework adapters, and the parts of the Kysely store, are shared; drivers of one contract do
    // not know each other. Each has its own third party: see ONE_FILE.
    within:
      '^src/(framework/(admissions|node|node-request|fetch|fetch-request)|user/kysely-(migration|table|values))\\.ts$',
    packages: ['*'],
  },
  {
    name: 'composition',
    files: '^src/(container|backend-module|user-store-problems|resource-server|index|testing/.*)\\.ts$',
    below: ['.*'],
    within: '.*',
    packages: ['tsyringe', 'reflect-metadata', 'jose', 'oidc-provider', 'selfsigned'],
  },
];

/** Packages that one file each may import. */
const ONE_FILE = {
  convict: 'src/settings.ts',
  tsyringe: 'src/container.ts',
  'reflect-metadata': 'src/container.ts',
  undici: 'src/http/undici-adapter.ts',
  express: 'src/framework/express.ts',
  fastify: 'src/framework/fastify.ts',
  'fastify-plugin': 'src/framework/fastify.ts',
  hono: 'src/framework/hono.ts',
  koa: 'src/framework/koa.ts',
  '@nestjs/common': 'src/framework/nest.ts',
  '@nestjs/core': 'src/framework/nest.ts',
  graphql: 'src/framework/graphql.ts',
  '@trpc/server': 'src/framework/trpc.ts',
  ws: 'src/framework/ws.ts',
  'oidc-provider': 'src/testing/quiet-provider.ts',
  selfsigned: 'src/testing/certificates.ts',
};

/** Kysely is the one exception: the store is in several files. */
const KYSELY_FILES = /^src\/user\/kysely-/;

const problems = [];
const layerOf = (path) => LAYERS.find(({ files }) => new RegExp(files).test(path));

const { output } = await cruise(
  ['src'],
  { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' }, detectJSDocImports: false },
  {},
  { tsConfig: extractTSConfig('tsconfig.json') },
);
const modules = output.modules.filter(({ source }) => source.startsWith('src/'));
const files = readdirSync('src', { recursive: true }).filter((file) => file.endsWith('.ts'));
if (modules.length < files.length) {
  problems.push(
    `saw ${modules.length} modules, and src/ has ${files.length}: what was not seen was not checked`,
  );
}

for (const { source, dependencies } of modules) {
  const layer = layerOf(source);
  if (layer === undefined) {
    problems.push(`${source} is in no layer: add it to scripts/check-layers.mjs`);
    continue;
  }
  for (const dependency of dependencies) {
    const problem = problemOf(source, layer, dependency);
    if (problem !== undefined) problems.push(`${source} imports ${dependency.resolved}: ${problem}`);
    if (dependency.circular) problems.push(`${source} and ${dependency.resolved} import each other`);
  }
}

function problemOf(source, layer, { resolved, module, coreModule, dependencyTypes }) {
  if (coreModule) return undefined;
  if (!resolved.startsWith('src/')) {
    const name = /^(@[^/]+\/)?[^/]+/.exec(module)[0];
    const known = layer.packages?.includes('*')
      ? name in ONE_FILE || name === 'kysely'
      : layer.packages?.includes(name);
    if (!known) return `${layer.name} may not import the package ${name}`;
    if (name === 'kysely') return KYSELY_FILES.test(source) ? undefined : 'only src/user/kysely-* may';
    return ONE_FILE[name] !== undefined && ONE_FILE[name] !== source
      ? `only ${ONE_FILE[name]} may`
      : undefined;
  }
  const target = layerOf(resolved);
  if (target === undefined) return 'it is in no layer';
  if (target === layer) {
    if (layer.name !== 'drivers' || new RegExp(layer.within).test(resolved)) return undefined;
    return 'drivers do not import each other';
  }
  if (layer.below.includes(target.name) || layer.below.includes('.*')) return undefined;
  if (dependencyTypes.includes('type-only') && layer.types?.some((path) => new RegExp(path).test(resolved))) {
    return undefined;
  }
  return `${layer.name} is not above ${target.name}`;
}

if (problems.length > 0) {
  console.error(problems.map((problem) => `- ${problem}`).join('\n'));
  process.exit(1);
}
console.log(`Layers: ${modules.length} modules, every import points downward.`);
