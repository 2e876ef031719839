// One of the replicas: nothing in it knows of the others. Users are in PostgreSQL, claims and revocations in Redis.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Kysely, PostgresDialect } from 'kysely';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';
import { KyselyUserStore, migrateUsers, type UserRow } from 'oidc-resource-server/kysely';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
pool.on('error', () => undefined); // a connection that breaks while nobody uses it
const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
await migrateUsers(db);
const resourceServer = await createResourceServer({ userStore: new KyselyUserStore<UserRow>(db) });

const app = express();
let stopping = false;
app.use((_request, response, next) => {
  // Whoever keeps connections open would keep a process that is to end.
  if (stopping) response.set('Connection', 'close');
  next();
});
app.use(resourceServerRouter(resourceServer)); // GET /jwks and POST /backchannel-logout, open to everybody
const member = authenticate(resourceServer);
app.get('/me', member, (request, response) => {
  response.json({ user: member.of(request).user.id, subject: member.of(request).claims.sub });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`Listening on ${(server.address() as AddressInfo).port}`);
});

process.once('SIGTERM', () => {
  stopping = true;
  // No new connections; requests in flight finish, then the connections to everybody else are closed.
  server.close(() => {
    void resourceServer
      .close()
      .then(() => db.destroy())
      .then(() => process.exit(0));
  });
});
