// The load: autocannon as a library, and single requests that make sure that a contestant decides rightly.
import autocannon from 'autocannon';
import { EXPECTED, USERS } from './scenario.mjs';

const CONNECTIONS = 50;
const EACH = USERS / CONNECTIONS;

/** Sends requests with distinct tokens for so many seconds; resolves with the number that were answered by 200. */
export async function load(url, seconds) {
  let connection = 0;
  const {
    '2xx': answered,
    non2xx,
    errors,
    timeouts,
    duration,
  } = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    setupClient: (client) => {
      const first = (connection++ % CONNECTIONS) * EACH;
      client.setRequests(
        Array.from({ length: EACH }, (_, i) => ({ headers: { authorization: `Bearer t-${first + i}` } })),
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
export async function checkDecisions(name, url) {
  for (const [token, statuses] of [...Object.entries(EXPECTED), ['', [401]]]) {
    const response = await fetch(url, token === '' ? {} : { headers: { authorization: `Bearer ${token}` } });
    const body = await response.text();
    if (!statuses.includes(response.status)) {
      throw new Error(`${name} answers ${response.status} to "${token}", not ${statuses.join(' or ')}`);
    }
    if (response.status === 200 && JSON.parse(body).name !== 'User 7')
      throw new Error(`${name}: another user`);
  }
}
