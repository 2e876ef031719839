import type { Answer } from '../../types.ts';

/** Answers of this server itself. Those about a token are the resource server's. */
function problem(status: number, title: string, error: string, headers: Record<string, string> = {}): Answer {
  return Object.freeze({
    status,
    headers: Object.freeze({
      ...headers,
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
    }),
    body: JSON.stringify({ type: 'about:blank', title, status, error }),
  });
}

// No challenge: another token would not mend any of these.
export const BAD_PATH = problem(400, 'Bad Request', 'bad_path');
export const NOT_FOUND = problem(404, 'Not Found', 'not_found');
export const UNKNOWN_POLICY = problem(404, 'Not Found', 'unknown_policy');
export const NOT_ALLOWED = problem(405, 'Method Not Allowed', 'method_not_allowed', { allow: 'GET, HEAD' });

/** An answer for machines that nobody may keep. */
export function json(status: number, value: object): Answer {
  return {
    status,
    headers: { 'cache-control': 'no-store', 'content-type': 'application/json' },
    body: JSON.stringify(value),
  };
}
