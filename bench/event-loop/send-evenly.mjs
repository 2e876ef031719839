// A load that does not wait for answers: what comes is not slowed down by a server that is slow.
import { Agent, request } from 'node:http';

/**
 * Sends so many requests a second, evenly, each with a token that was never sent before.
 *
 * @returns the `rate` at which they were sent, after how many `seconds` all were answered, and how many got each of the
 *   `statuses`; 0 where there was no answer
 */
export async function sendEvenly(url, rate, forSeconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: 500 });
  const statuses = new Map();
  const answers = [];
  const startedAt = performance.now();
  let sent = 0;
  for (;;) {
    const elapsed = (performance.now() - startedAt) / 1000;
    if (elapsed >= forSeconds) break;
    for (const due = Math.floor(elapsed * rate); sent < due; sent += 1) answers.push(send(url, agent));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const sendingFor = (performance.now() - startedAt) / 1000;
  for (const status of await Promise.all(answers)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  agent.destroy();
  return { rate: sent / sendingFor, seconds: (performance.now() - startedAt) / 1000, statuses };
}

let tokens = 0;

function send(url, agent) {
  tokens += 1;
  const headers = { authorization: `Bearer forged-${tokens}` };
  return new Promise((resolve) => {
    request(url, { agent, headers, timeout: 20_000 }, (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode));
    })
      .on('timeout', function onTimeout() {
        this.destroy();
      })
      .once('error', () => resolve(0))
      .end();
  });
}
