// The load: autocannon as a library, and single requests that make sure that a contestant decides rightly.
import autocannon from 'autocannon';
import { ask } from './processes.mjs';
import { EXPECTED, UNKNOWABLE, USERS } from './scenario.mjs';

const CONNECTIONS = 50;

/**
 * Sends requests with distinct tokens for so many seconds; resolves with the number that were answered by 200.
 *
 * @param jwts What is sent instead of the opaque tokens `t-0`, `t-1`, …, by their names.
 */
export async function load(url, seconds, jwts, connections = CONNECTIONS) {
  const each = USERS / connections;
  let connection = 0;
  const {
    '2xx': answered,
    non2xx,
    errors,
    timeouts,
    duration,
  } = await autocannon({
    url,
    connections,
    duration: seconds,
    // It ends with a sample: by default only after whole seconds.
    sampleInt: 50,
    setupClient: (client) => {
      const first = (connection++ % connections) * each;
      client.setRequests(
        Array.from({ length: each }, (_, i) => ({ headers: headersOf(`t-${first + i}`, jwts) })),
      );
    },
  });
  if (non2xx + errors + timeouts > 0) {
    throw new Error(
      `${url}: ${answered} good answers, ${non2xx} others, ${errors} errors, ${timeouts} timeouts`,
    );
  }
  return { answered, seconds: duration };
}

/** Throws unless good tokens come in, as the right user, and bad ones do not. */
export async function checkDecisions(name, url, jwts) {
  const cases = [...Object.entries(EXPECTED), ['', [401]]];
  for (const [token, statuses] of cases) {
    if (jwts !== undefined && UNKNOWABLE.includes(token)) continue;
    const response = await fetch(url, token === '' ? {} : { headers: headersOf(token, jwts) });
    const body = await response.text();
    if (!statuses.includes(response.status)) {
      throw new Error(`${name} answers ${response.status} to "${token}", not ${statuses.join(' or ')}`);
    }
    if (response.status === 200 && JSON.parse(body).name !== 'User 7')
      throw new Error(`${name}: another user`);
  }
}

/** Throws unless the authorization server is asked for a known token as often as the path says: each time, or never. */
export async function checkAsking(name, url, mode, authorizationServer, jwts) {
  const REQUESTS = 5;
  const before = await ask(authorizationServer, 'asked');
  for (let i = 0; i < REQUESTS; i += 1) {
    await (await fetch(url, { headers: headersOf('t-7', jwts) })).text();
  }
  const asked = (await ask(authorizationServer, 'asked')) - before;
  const expected = mode === 'cached' ? 0 : REQUESTS;
  if (asked !== expected)
    throw new Error(`${name} asks ${asked} times about ${REQUESTS} requests, not ${expected} times`);
}

function headersOf(token, jwts) {
  return { authorization: `Bearer ${jwts === undefined ? token : jwts[token]}` };
}
