// Users in a PostgreSQL table that a team has already: the one that Django keeps, read by both during a migration.
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Kysely, PostgresDialect } from 'kysely';
import { createResourceServer } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';
import { KyselyUserStore } from 'oidc-resource-server/kysely';
import pg from 'pg';

// #region store
interface DjangoUser {
  readonly id: string;
  readonly sub: string | null;
  readonly email: string | null;
  readonly full_name: string | null;
  readonly short_name: string | null;
  readonly language: string;
  readonly is_active: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
const users = new KyselyUserStore<DjangoUser>(db, {
  table: 'core_user',
  columns: { issuer: false, subject: 'sub', fullName: 'full_name', active: 'is_active' }, // the key is the subject alone
  instants: 'date',
  initial: () => ({ id: randomUUID(), password: '!', language: 'en-us' }), // what a new row needs besides
});

export const resourceServer = await createResourceServer({ userStore: users });
// #endregion store

const app = express();
app.use(resourceServerRouter(resourceServer));

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  const { id, email, language } = member.of(request).user; // typed as the team's own row
  response.json({ id, email, language });
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
