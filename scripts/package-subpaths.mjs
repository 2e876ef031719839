// What a project needs beside the package to import each subpath of package.json `exports`. A new subpath needs a row.
import { readFileSync } from 'node:fs';

/**
 * - `peers`: peer dependencies that the subpath needs.
 * - `later`: peer dependencies that it imports only once one of its functions is called.
 * - `types`: packages with the types of peers that bring none.
 */
const ROWS = {
  '.': { later: ['keyv', '@keyv/redis'] },
  './node': {},
  './fetch': {},
  // It brings the resource server along, and so what the cache would import.
  './testing': { later: ['oidc-provider', 'selfsigned', 'keyv', '@keyv/redis'] },
  './express': { peers: ['express'], types: ['@types/express'] },
  './fastify': { peers: ['fastify', 'fastify-plugin'] },
  './hono': { peers: ['hono'] },
  './koa': { peers: ['koa'], types: ['@types/koa'] },
  './nest': { peers: ['@nestjs/common', '@nestjs/core'] },
  './graphql': { peers: ['graphql'] },
  './trpc': { peers: ['@trpc/server'] },
  './ws': { peers: ['ws'], types: ['@types/ws'] },
  './kysely': { peers: ['kysely'] },
  './cache': { later: ['keyv', '@keyv/redis'] },
};

/** What the command loads for --database. */
const COMMAND_PEERS = ['kysely', 'libsql', 'pg'];

/** Every subpath of a package.json with its row, and what is wrong with the rows. */
export function subpathsOf(manifest) {
  const exported = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
  const rows = exported.map((subpath) => {
    const { peers = [], later = [], types = [] } = ROWS[subpath] ?? {};
    return { subpath, specifier: manifest.name + subpath.slice(1), peers, later, types };
  });
  const peers = Object.keys(manifest.peerDependencies);
  const used = new Set([...rows.flatMap((row) => [...row.peers, ...row.later]), ...COMMAND_PEERS]);
  const problems = [
    ...exported.filter((subpath) => !(subpath in ROWS)).map((subpath) => `${subpath} has no row in ROWS`),
    ...Object.keys(ROWS)
      .filter((subpath) => !exported.includes(subpath))
      .map((subpath) => `${subpath} has a row, and package.json does not export it`),
    ...peers
      .filter((peer) => manifest.peerDependenciesMeta?.[peer]?.optional !== true)
      .map((peer) => `the peer dependency ${peer} is not optional`),
    ...Object.keys(manifest.peerDependenciesMeta ?? {})
      .filter((peer) => !peers.includes(peer))
      .map((peer) => `${peer} is in peerDependenciesMeta, and not in peerDependencies`),
    ...peers.filter((peer) => !used.has(peer)).map((peer) => `no subpath uses the peer dependency ${peer}`),
    ...[...used]
      .filter((peer) => !peers.includes(peer))
      .map((peer) => `${peer} is in ROWS, and is no peer dependency`),
  ];
  return { rows, problems };
}

/** Reads the package.json of a folder. */
export function manifestOf(directory) {
  return JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
}
