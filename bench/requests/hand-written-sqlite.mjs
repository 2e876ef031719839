// The guard that is written by hand, with the users in a table of SQLite, in a file, and one statement that is prepared once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { guardOf as guardFrom } from './hand-written.mjs';
import { USERS } from './scenario.mjs';

export function guardOf(mode, surroundings) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const database = new Database(join(directory, 'users.sqlite'));
  database.exec('pragma journal_mode = wal');
  database.exec(
    'create table users (id integer primary key, issuer text not null, subject text not null, active integer, ' +
      'name text, unique (issuer, subject))',
  );
  const insert = database.prepare('insert into users (issuer, subject, active, name) values (?, ?, 1, ?)');
  database.exec('begin');
  for (let i = 0; i < USERS; i += 1) insert.run([surroundings.url, `user-${i}`, `User ${i}`]);
  database.exec('commit');
  const select = database.prepare('select active, name from users where issuer = ? and subject = ?');
  const get = (subject) => {
    const row = select.get([surroundings.url, subject]);
    return row === undefined ? undefined : { active: row.active === 1, name: row.name };
  };
  return guardFrom(mode, surroundings, 'express', { get });
}
