// Single requests that make sure that a contestant decides rightly, and asks as often as its path says.
import { authorizationOf, EXPECTED, UNKNOWABLE } from './scenario.mjs';

/** Throws unless good tokens come in, as the right user, and bad ones do not. */
export async function checkDecisions(name, url, jwts) {
  const cases = [...Object.entries(EXPECTED), ['', [401]]];
  for (const [token, statuses] of cases) {
    if (jwts !== undefined && UNKNOWABLE.includes(token)) continue;
    const response = await fetch(
      url,
      token === '' ? {} : { headers: { authorization: authorizationOf(token, jwts) } },
    );
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
  const before = authorizationServer.asked();
  for (let i = 0; i < REQUESTS; i += 1) {
    await (await fetch(url, { headers: { authorization: authorizationOf('t-7', jwts) } })).text();
  }
  const asked = authorizationServer.asked() - before;
  const expected = mode === 'cached' ? 0 : REQUESTS;
  if (asked !== expected)
    throw new Error(`${name} asks ${asked} times about ${REQUESTS} requests, not ${expected} times`);
}
