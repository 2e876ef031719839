// Asks as many callers do, and compares every answer with the right one.
import { Agent, request } from 'node:http';

/** A token, who is behind it, and whether it is good. */
export interface Caller {
  readonly token: string;
  readonly subject: string;
  readonly good: boolean;
}

/** What came of a load. */
export interface LoadResult {
  readonly requests: number;
  /** Answers that are not the right one, by what they were. */
  readonly wrong: ReadonlyMap<string, number>;
  readonly perSecond: number;
}

/** Runs while `until` is pending: each caller in turn, `workers` requests at a time. */
export async function load(
  port: number,
  callers: readonly Caller[],
  until: Promise<unknown>,
  workers = 16,
): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const wrong = new Map<string, number>();
  let requests = 0;
  let over = false;
  const at = performance.now();
  void until.finally(() => (over = true));
  const work = async (): Promise<void> => {
    while (!over) {
      const caller = callers[requests++ % callers.length];
      if (caller === undefined) return;
      const answer = await ask(agent, port, caller.token).catch((error: unknown) => String(error));
      const right = caller.good
        ? answer.startsWith('200') && answer.includes(`"${caller.subject}"`)
        : answer === '401';
      if (!right) wrong.set(answer.slice(0, 60), (wrong.get(answer.slice(0, 60)) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  agent.destroy();
  return { requests, wrong, perSecond: Math.round((requests / (performance.now() - at)) * 1000) };
}

function ask(agent: Agent, port: number, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path: '/me',
        headers: { authorization: `Bearer ${token}` },
        timeout: 10_000,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => {
          resolve(response.statusCode === 200 ? `200 ${body}` : String(response.statusCode));
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')));
    asked.on('error', reject);
    asked.end();
  });
}
