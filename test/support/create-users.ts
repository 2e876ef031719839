// Creates users in a process of its own: for each subject on a line of standard input, as many parallel calls as asked.
import { createInterface } from 'node:readline';
import { KyselyUserStore, migrateUsers } from '../../src/user/kysely-user-store.ts';
import { type DatabaseName, openDatabase } from './databases.ts';

const [name, url, table, calls] = process.argv.slice(2) as [DatabaseName, string, string, string];
const db = await openDatabase(name, url);
await migrateUsers(db, { table });
const store = new KyselyUserStore(db, { table });
await store.findBySubject('https://auth.example.com', 'nobody');
console.log('ready');

for await (const subject of createInterface(process.stdin)) {
  const from = Date.now();
  const users = await Promise.allSettled(
    Array.from({ length: Number(calls) }, () =>
      store.create('https://auth.example.com', subject, { claims: {}, fullName: `Made by ${process.pid}` }),
    ),
  );
  console.log(JSON.stringify({ from, until: Date.now(), users }));
}
await db.destroy();
