// What a look-up of a user in SQLite costs, and what share that is of a whole authentication with introspection over
// loopback HTTP. `npm run build` comes first.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { table } from './marked.mjs';
import { COMMON_OPTIONS, finish, median } from './report.mjs';
import { openDatabase, SQLITE } from './requests/database.mjs';

if (!isMainThread) {
  // The authorization server, in a thread of its own: every token is Alice's, of the number that it ends with.
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const sub = `user-${/token=t-(\d+)/.exec(body)[1]}`;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ active: true, sub, client_id: 'spa', token_type: 'Bearer', scope: 'openid' }),
      );
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(`http://127.0.0.1:${server.address().port}`));
} else {
  const { Kysely, SqliteDialect } = await import('kysely');
  const { createResourceServer } = await import('oidc-resource-server');
  const { KyselyUserStore, migrateUsers, withPreparedStatements } =
    await import('oidc-resource-server/kysely');
  const { values: chosen } = parseArgs({ options: COMMON_OPTIONS });
  const USERS = 10_000;
  const ROUNDS = chosen.quick ? 1 : 7;
  const CALLS = chosen.quick ? 200 : 3000;

  const database = await openDatabase();
  const sqlite = withPreparedStatements(database);
  const db = new Kysely({ dialect: new SqliteDialect({ database: sqlite }) });
  await migrateUsers(db);
  const worker = new Worker(new URL(import.meta.url));
  const url = await new Promise((resolve) => worker.once('message', resolve));
  const store = new KyselyUserStore(db, { sqlite });
  database.exec('begin');
  for (let i = 0; i < USERS; i += 1)
    await store.create(url, `user-${i}`, { fullName: `User ${i}`, claims: {} });
  database.exec('commit');

  const options = {
    env: {},
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    settings: {
      OIDC_OP_URL: url,
      OIDC_OP_INTROSPECTION_ENDPOINT: url,
      OIDC_RS_CLIENT_ID: 'a',
      OIDC_RS_CLIENT_SECRET: 'b',
    },
  };
  const withTable = await createResourceServer({ ...options, userStore: store });
  const withoutTable = await createResourceServer(options);
  const requestOf = (i) => ({
    method: 'GET',
    url: '/',
    rawHeaders: ['Authorization', `Bearer t-${i % USERS}`],
  });
  const variants = {
    'one look-up': (i) => store.findBySubject(url, `user-${i % USERS}`, {}),
    'one request, users from the claims': (i) => withoutTable.authenticate(requestOf(i)),
    'one request, users from SQLite': (i) => withTable.authenticate(requestOf(i)),
  };
  const times = new Map(Object.keys(variants).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, call] of Object.entries(variants)) {
      const startedAt = performance.now();
      for (let i = 0; i < CALLS; i += 1) await call(i * 7);
      // The first round warms up.
      if (round > 0) times.get(name).push(((performance.now() - startedAt) / CALLS) * 1000);
    }
  }
  const of = (name) => median(times.get(name));
  const request = of('one request, users from SQLite');
  const more = request - of('one request, users from the claims');
  const page = [
    '### Users',
    `One after the other, with ${USERS} users in ${SQLITE}, in microseconds; medians of ${ROUNDS} rounds of ${CALLS}. The table of users ` +
      `makes ${((more / request) * 100).toFixed(0)} % of the request.`,
    table(
      ['', 'microseconds'],
      [...times.keys()].map((name) => [name, of(name).toFixed(0)]),
    ),
  ].join('\n\n');
  finish({ page }, chosen);
  await Promise.all([withTable.close(), withoutTable.close(), worker.terminate(), db.destroy()]);
}
