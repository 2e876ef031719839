import { problemAnswer } from '../../authentication/challenge.ts';
import type { Answer } from '../../types.ts';

// Answers of this server itself; those about a token are the resource server's.
// No challenge: another token would not mend any of these.
export const BAD_PATH = problemAnswer(400, 'bad_path');
export const NOT_FOUND = problemAnswer(404, 'not_found');
export const UNKNOWN_POLICY = problemAnswer(404, 'unknown_policy');
export const NOT_ALLOWED = problemAnswer(405, 'method_not_allowed', { allow: 'GET, HEAD' });

/** An answer for machines that nobody may keep. */
export function json(status: number, value: object): Answer {
  return {
    status,
    headers: { 'cache-control': 'no-store', 'content-type': 'application/json' },
    body: JSON.stringify(value),
  };
}
