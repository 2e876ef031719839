// What every contestant and the authorization server agree on.

/** How this API is known to the authorization server. */
export const CLIENT = { id: 'api', secret: 'secretofapi' };
/** How many users there are, each with a token of their own: `t-0`, `t-1`, … */
export const USERS = 2000;
/** What the route asks for. */
export const SCOPE = 'groups';
/** The client that people come with. */
export const ALLOWED_CLIENT = 'spa';
/** For how many seconds, and how many, those that cache keep: longer than a process lives, and more tokens than there are. */
export const CACHE = { seconds: 3600, entries: 10_000 };

/** The status that each request must get, before anything is measured. A list: any of them. */
export const EXPECTED = {
  't-7': [200],
  inactive: [401],
  expired: [401],
  'foreign-client': [401, 403],
  'refresh-token': [401, 403],
  unscoped: [403],
  stranger: [401, 403],
  forged: [401, 403, 500, 503],
};
/** What nobody can know who asks nobody. */
export const UNKNOWABLE = ['inactive'];

/** The `Authorization` header with a token of that name, or with the JWT that has the name. */
export function authorizationOf(token, jwts) {
  return `Bearer ${jwts === undefined ? token : jwts[token]}`;
}
