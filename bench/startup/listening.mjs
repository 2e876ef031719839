// How long a server takes from spawn to listening, with JSON introspection, beside the bare framework.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { table } from '../marked.mjs';
import { median, verdict } from '../report.mjs';
import { FRAMEWORKS } from '../requests/contestants.mjs';

const ROOT = new URL('../../', import.meta.url);
const TARGET_MS = 100;
const SETTINGS = `{ OIDC_OP_URL: 'https://auth.example.com',
  OIDC_OP_INTROSPECTION_ENDPOINT: 'https://auth.example.com/introspect', OIDC_RS_CLIENT_ID: 'api',
  OIDC_RS_CLIENT_SECRET: 'secret', OIDC_RS_ALLOWED_AUDIENCES: ['spa'] }`;

/** A whole server, once the guard is there: `guard` is what comes before the handler, or empty. */
const SERVERS = {
  express: (guard) => `import { createServer } from 'node:http'; import express from 'express';
    const app = express(); app.get('/me', ${guard && `${guard},`} (request, response) => response.json({}));
    createServer(app).listen(0, '127.0.0.1', () => console.log('listening'));`,
  fastify: (guard) => `import fastify from 'fastify'; const app = fastify();
    app.get('/me', { ${guard && `onRequest: ${guard}`} }, (request, reply) => { reply.send({}); });
    await app.listen({ port: 0, host: '127.0.0.1' }); console.log('listening');`,
  node: (guard) => `import { createServer } from 'node:http';
    const answer = (request, response) => response.end('{}'); const guard = ${guard || 'undefined'};
    createServer((request, response) => guard ? guard(request, response, () => answer(request, response))
      : answer(request, response)).listen(0, '127.0.0.1', () => console.log('listening'));`,
};

/** What goes before the server, and the guard in it. */
const CONTESTANTS = {
  'no authentication': () => ['', ''],
  'hand-written, with undici': () => [
    `import { Pool } from 'undici'; const pool = new Pool('https://auth.example.com');`,
    `(request, response, next) => { pool.request({ path: '/' }).then(() => next(), next); }`,
  ],
  'hand-written, with undici and jose': () => [
    `import { Pool } from 'undici'; import { compactDecrypt } from 'jose';
     const pool = new Pool('https://auth.example.com');`,
    `(request, response, next) => { pool.request({ path: '/' }).then(compactDecrypt).then(() => next(), next); }`,
  ],
  'oidc-resource-server': (framework) => [
    `import { createResourceServer } from 'oidc-resource-server';
     import { authenticate } from 'oidc-resource-server/${framework}';
     const logger = { debug() {}, info() {}, warn() {}, error() {} };
     const resourceServer = await createResourceServer({ env: {}, logger, settings: ${SETTINGS} });`,
    'authenticate(resourceServer)',
  ],
};
const [BARE, BY_HAND] = Object.keys(CONTESTANTS);
const OURS = Object.keys(CONTESTANTS).at(-1);

/** Measures all of them, taking turns; resolves with the page and the targets. */
export async function listening(rounds) {
  const times = new Map();
  for (let round = 0; round < rounds; round += 1) {
    for (const framework of Object.keys(FRAMEWORKS)) {
      for (const contestant of Object.keys(CONTESTANTS)) {
        const key = `${framework} ${contestant}`;
        times.set(key, [...(times.get(key) ?? []), await spawnToListening(framework, contestant)]);
      }
    }
    console.log(`spawn to listening, round ${round + 1} of ${rounds}`);
  }
  const of = (framework, contestant) => times.get(`${framework} ${contestant}`);
  const over = (framework, contestant) =>
    median(of(framework, contestant).map((time, round) => time - of(framework, BARE)[round]));
  const rows = Object.keys(CONTESTANTS).map((contestant) => [
    contestant,
    ...Object.keys(FRAMEWORKS).map((framework) =>
      contestant === BARE
        ? median(of(framework, BARE)).toFixed(0)
        : `+ ${over(framework, contestant).toFixed(0)}`,
    ),
  ]);
  const page = [
    '### Start-up',
    'From spawn to listening, with JSON introspection, in milliseconds: the bare framework, and what the others take more in ' +
      `the same round. Medians of ${rounds} processes each.`,
    table(['', ...Object.values(FRAMEWORKS)], rows),
  ].join('\n\n');
  const targets = Object.entries(FRAMEWORKS).map(([framework, title]) => {
    const name = `start-up, ${title}: ≤ ${TARGET_MS} ms over bare`;
    const more = over(framework, OURS);
    if (more <= TARGET_MS) return { name, result: verdict(true, `${more.toFixed(0)} ms`) };
    const byHand = over(framework, BY_HAND);
    const measured = `${more.toFixed(0)} ms (${BY_HAND} ${byHand.toFixed(0)} ms)`;
    return { name, result: verdict(false, measured) };
  });
  return { page, targets };
}

async function spawnToListening(framework, contestant) {
  const [before, guard] = CONTESTANTS[contestant](framework);
  const script = `${before}\n${SERVERS[framework](guard)}`;
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  const ended = once(child, 'exit');
  const said = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)]);
  const took = performance.now() - startedAt;
  if (said === undefined) throw new Error(`${contestant} (${framework}) ended before it was listening.`);
  child.kill();
  await ended;
  return took;
}
