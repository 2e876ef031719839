import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { UserRow } from '../../src/user/kysely-user-store.ts';
import { type DatabaseName, openDatabase, removeDatabase, sharedDatabases } from '../support/databases.ts';

const SCRIPT = fileURLToPath(new URL('../support/create-users.ts', import.meta.url));
const CALLS = 25;
const ROUNDS = 20;

interface Round {
  readonly from: number;
  readonly until: number;
  readonly users: readonly PromiseSettledResult<UserRow>[];
}

function start(name: DatabaseName, url: string, table: string) {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', SCRIPT, name, url, table, `${CALLS}`],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('The child has no pipes.');
  const lines = createInterface(stdout)[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('The child ended.');
    return line.value;
  };
  return {
    ready: answer,
    create: async (subject: string): Promise<Round> => {
      stdin.write(`${subject}\n`);
      return JSON.parse(await answer()) as Round;
    },
    stop: async () => {
      const exited = once(child, 'exit');
      stdin.end();
      await exited;
    },
  };
}

describe.each(sharedDatabases())('KyselyUserStore on %s', (name, url) => {
  afterAll(() => {
    removeDatabase(name, url);
  });

  it('makes one user of fifty parallel first calls from two processes, and all fifty get it (U1)', async () => {
    const table = `parallel_${process.pid}`;
    // Both create the table, too.
    const processes = [start(name, url, table), start(name, url, table)];
    const db = await openDatabase(name, url);
    try {
      await Promise.all(processes.map(({ ready }) => ready()));
      const makers = new Map<string, number>();
      let overlaps = 0;
      let longest = 0;
      for (let round = 1; round <= ROUNDS; round++) {
        const subject = `user-${round}`;
        const rounds = await Promise.all(processes.map(({ create }) => create(subject)));
        const [{ from: a, until: b }, { from: c, until: d }] = rounds as [Round, Round];
        if (a <= d && c <= b) overlaps++;
        longest = Math.max(longest, b - a, d - c);

        const results = rounds.flatMap(({ users }) => users);
        expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
        const users = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
        const rows = await db.selectFrom(table).selectAll().where('subject', '=', subject).execute();
        expect(users).toHaveLength(2 * CALLS);
        expect(rows).toHaveLength(1);
        for (const user of users) expect(user).toEqual(rows[0]);
        const maker = users[0]?.full_name ?? '';
        makers.set(maker, (makers.get(maker) ?? 0) + 1);
      }
      expect(overlaps).toBeGreaterThan(0);
      console.log(
        `${name}: ${ROUNDS} rounds of ${2 * CALLS} parallel first calls from two processes: ${ROUNDS} users, ` +
          `${ROUNDS * 2 * CALLS} calls let in; the processes overlapped in ${overlaps} rounds, won ` +
          `${[...makers.values()].join(' and ')}; the slowest round took ${longest} ms.`,
      );
    } finally {
      await Promise.all(processes.map(({ stop }) => stop()));
      await db.schema.dropTable(table).ifExists().execute();
      await db.destroy();
    }
  });
});
