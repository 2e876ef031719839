// Users in an SQLite file, created when they first come (OIDC_RS_CREATE_USER=true).
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';
import { KyselyUserStore, migrateUsers, withPreparedStatements } from 'oidc-resource-server/kysely';

// #region store
const database = new Database(process.env.DATABASE_FILE ?? 'users.sqlite');
database.exec('pragma busy_timeout = 5000'); // wait for another process that writes, rather than fail at once
database.exec('pragma journal_mode = wal');
const sqlite = withPreparedStatements(database);
const db = new Kysely({ dialect: new SqliteDialect({ database: sqlite }) });
await migrateUsers(db); // creates the table, once

export const resourceServer = await createResourceServer({ userStore: new KyselyUserStore(db, { sqlite }) });
// #endregion store

const app = express();
app.use(resourceServerRouter(resourceServer));

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
