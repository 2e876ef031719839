// What importing the package and starting a resource server costs, beside importing only jose and undici; and how long a
// whole server takes, from spawn to listening, beside the bare framework. Each variant is a process of its own, alternating,
// so that the machine's moods hit all alike. `npm run build` comes first.
// `--write` puts the first table into the README, in the column of this Node, and keeps the other columns.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { withColumn, writeMarked } from './marked.mjs';
import { COMMON_OPTIONS, finish, median } from './report.mjs';
import { listening } from './startup/listening.mjs';

const { values: options } = parseArgs({
  options: { ...COMMON_OPTIONS, write: { type: 'boolean', default: false } },
});
const ROUNDS = options.quick ? 1 : 15;
const ROOT = new URL('../', import.meta.url);
const MARK = 'start-up';
const START = `
  const { createResourceServer } = await import('oidc-resource-server');
  await createResourceServer({ env: {}, logger: { debug() {}, info() {}, warn() {}, error() {} }, settings: {
    OIDC_OP_URL: 'https://auth.example.com', OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/introspect',
    OIDC_OP_JWKS_ENDPOINT: 'https://auth.example.com/jwks', OIDC_RS_CLIENT_ID: 'api', OIDC_RS_CLIENT_SECRET: 'secret',
    ...SETTINGS } });`;
const KEY = `import { generateKeyPairSync } from 'node:crypto';
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });`;

/** The framework or library of each entry point, imported before the clock starts. */
const PEERS = {
  express: ['express'],
  fastify: ['fastify', 'fastify-plugin'],
  fetch: [],
  graphql: ['graphql'],
  hono: ['hono'],
  koa: ['koa'],
  kysely: ['kysely'],
  nest: ['@nestjs/common', '@nestjs/core'],
  node: ['node:http'],
  trpc: ['@trpc/server'],
  ws: ['ws'],
};
const { exports: entryPoints } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
const built = Object.keys(PEERS).filter(
  (name) =>
    existsSync(new URL(entryPoints[`./${name}`].default, ROOT)) && (!options.quick || name === 'express'),
);
const imports = (names) => names.map((name) => `await import('${name}');`).join(' ');

/** Each prints the milliseconds of its second part; the first is done before the clock starts. */
const VARIANTS = {
  'nothing (the measurement itself)': ['', ''],
  'import undici and jose alone': ['', imports(['undici', 'jose'])],
  'import the five that an API loads': [
    '',
    imports(['reflect-metadata', 'tsyringe', 'convict', 'undici', 'jose']),
  ],
  'import oidc-resource-server': ['', imports(['oidc-resource-server'])],
  'import and start, JSON introspection': ['', START.replace('SETTINGS', '{}')],
  'import and start, signed and encrypted introspection': [
    KEY,
    START.replace(
      'SETTINGS',
      `{ OIDC_RS_BACKEND_CLASS: 'JWTResourceServerBackend', OIDC_RS_PRIVATE_KEY_STR: pem, OIDC_RS_ENCRYPTION_KEY_TYPE: 'EC', OIDC_RS_ENCRYPTION_ALGO: 'ECDH-ES' }`,
    ),
  ],
  ...Object.fromEntries(
    built.map((name) => [
      `import oidc-resource-server/${name}, on top`,
      [imports([...PEERS[name], 'oidc-resource-server']), imports([`oidc-resource-server/${name}`])],
    ]),
  ),
};

const times = new Map(Object.keys(VARIANTS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, [before, code]] of Object.entries(VARIANTS)) {
    const script = `${before} const startedAt = performance.now(); ${code} console.log(performance.now() - startedAt);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 30_000,
    });
    if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
    times.get(name).push(Number(stdout));
  }
  console.log(`start-up, round ${round + 1} of ${ROUNDS}`);
}

const medians = [...times].map(([name, samples]) => {
  const middle = median(samples);
  return [name, middle < 10 ? middle.toFixed(1) : middle.toFixed(0)];
});
console.log(`\nStart-up on Node ${process.version}, medians of ${ROUNDS} processes each, milliseconds:\n`);
for (const [name, text] of medians) console.log(`  ${name.padEnd(54)} ${text.padStart(5)}`);
console.log();
const readme = new URL('README.md', ROOT);
const column = `Node ${process.versions.node.split('.')[0]}`;
// The first row is the measurement itself.
if (options.write) await writeMarked(readme, MARK, withColumn(readme, MARK, column, medians.slice(1)));
finish(await listening(ROUNDS), options);
