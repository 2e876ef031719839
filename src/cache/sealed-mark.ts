import type { Sealing } from './sealing.ts';

/** A mark as it lies in the store; both instants in milliseconds since the epoch. */
export interface WrittenMark {
  readonly notBefore: number;
  readonly keptUntil: number;
}

/** Under which key the mark of this name lies. */
export function markKey(name: string): string {
  return `mark:${name}`;
}

/** The value of a mark. */
export function sealMark(sealing: Sealing, name: string, { notBefore, keptUntil }: WrittenMark): string {
  return sealing.seal(markKey(name), `${String(notBefore)} ${String(keptUntil)}`);
}

/** The mark; `undefined` where there is none, and `'unreadable'` for what nobody with the secret wrote. */
export function readMark(
  sealing: Sealing,
  name: string,
  value: unknown,
): WrittenMark | 'unreadable' | undefined {
  if (value === undefined || value === null) return undefined;
  const [notBefore = NaN, keptUntil = NaN] = (sealing.open(markKey(name), value) ?? '')
    .split(' ')
    .map(Number);
  if (!Number.isFinite(notBefore) || !Number.isFinite(keptUntil)) return 'unreadable';
  return { notBefore, keptUntil };
}
