import { printable } from '../terminal.ts';

/** What was expected at one point, what was found there, and what to do where the two differ. Nothing secret. */
export interface Finding {
  readonly name: string;
  /** `skip`: not reached, or nothing is asked for. */
  readonly status: 'pass' | 'fail' | 'skip';
  readonly expected: string;
  readonly found: string;
  readonly remedy?: string | undefined;
}

/** One of the five steps, with what was looked at in it. The step's own status is what the API itself decided. */
export interface Step extends Finding {
  readonly checks: readonly Finding[];
}

/** Passes or fails. The remedy belongs to a failure; `advice` is given in any case. */
export function judge(
  holds: boolean,
  finding: Omit<Finding, 'status' | 'remedy'> & { remedy?: string; advice?: string },
): Finding {
  const { remedy, advice, ...rest } = finding;
  const say = [holds ? undefined : remedy, advice].filter((part) => part !== undefined).join(' ');
  return { ...rest, status: holds ? 'pass' : 'fail', ...(say !== '' && { remedy: say }) };
}

/** Whether a check lets through. The checks are the API's own: none of them is written here a second time. */
export function holds(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

/** A value as somebody else wrote it, marked as such: text as it is, anything else as JSON. */
export function quote(value: unknown): string {
  return `\`${printable(typeof value === 'string' ? value : JSON.stringify(value))}\``;
}

/** Several of them: `a`, `b` or `c`. */
export function quoteEach(values: readonly unknown[], last: 'and' | 'or' = 'and'): string {
  const quoted = values.map(quote);
  const end = quoted.pop() ?? 'nothing';
  return quoted.length === 0 ? end : `${quoted.join(', ')} ${last} ${end}`;
}

/** An instant of a token, for people: when it is, and how far from now. */
export function instant(seconds: unknown, now = Date.now() / 1000): string {
  const date = new Date(typeof seconds === 'number' ? seconds * 1000 : NaN);
  // A time in milliseconds, say, lies beyond every calendar.
  if (typeof seconds !== 'number' || Number.isNaN(date.getTime())) return quote(seconds);
  const distance = Math.round(seconds - now);
  const away = distance < 0 ? `${String(-distance)} s ago` : `in ${String(distance)} s`;
  return `${date.toISOString().replace('.000Z', 'Z')} (${away})`;
}
