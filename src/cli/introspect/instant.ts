import { quote } from './finding.ts';

/** An instant of a token, for people: when it is, and how far from now. */
export function instant(seconds: unknown, now = Date.now() / 1000): string {
  const date = new Date(typeof seconds === 'number' ? seconds * 1000 : NaN);
  // A time in milliseconds, say, lies beyond every calendar.
  if (typeof seconds !== 'number' || Number.isNaN(date.getTime())) return quote(seconds);
  const distance = Math.round(seconds - now);
  const away = distance < 0 ? `${String(-distance)} s ago` : `in ${String(distance)} s`;
  return `${date.toISOString().replace('.000Z', 'Z')} (${away})`;
}

/** When an answer was made, as the end of a sentence; nothing where that is not known. */
export function sent(seconds: unknown): string {
  return seconds === undefined ? '' : `, made ${instant(seconds)}`;
}
