// The guard that is written by hand, with the users in a table of SQLite, in a file, and one statement that is prepared once.
import { openDatabase, SQLITE } from './database.mjs';
import { guardOf as guardFrom } from './hand-written.mjs';
import { USERS } from './scenario.mjs';

export async function guardOf(mode, surroundings) {
  const database = await openDatabase();
  database.exec(
    'create table users (id integer primary key, issuer text not null, subject text not null, active integer, ' +
      'name text, unique (issuer, subject))',
  );
  const insert = database.prepare('insert into users (issuer, subject, active, name) values (?, ?, 1, ?)');
  database.exec('begin');
  for (let i = 0; i < USERS; i += 1) insert.run(surroundings.url, `user-${i}`, `User ${i}`);
  database.exec('commit');
  const select = database.prepare('select active, name from users where issuer = ? and subject = ?');
  // As arrays, which both drivers make faster than objects.
  let row;
  if (SQLITE === 'libsql') {
    select.raw(true);
    row = (subject) => select.get([surroundings.url, subject]);
  } else {
    select.setReturnArrays(true);
    row = (subject) => select.get(surroundings.url, subject);
  }
  const get = (subject) => {
    const found = row(subject);
    return found === undefined ? undefined : { active: found[0] === 1, name: found[1] };
  };
  return guardFrom(mode, surroundings, 'express', { get });
}
