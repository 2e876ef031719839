import { type Claims, freezeClaims } from '../claims.ts';
import type { CachedClaims } from './claims-cache.ts';

/** The two clocks, and by how much those of two machines may differ. */
export interface Clocks {
  /** One that never steps, in milliseconds: `performance.now`. */
  readonly now: () => number;
  /** Milliseconds since the epoch: `Date.now`. */
  readonly wallNow: () => number;
  /** In milliseconds. */
  readonly toleranceMs: number;
}

/**
 * An entry as text for another process. That has a monotonic clock of its own, so that what is left of the entry's time is
 * written down, and when.
 *
 * @returns `undefined` where the claims are not what JSON can hold: a backend of the application may have made them
 */
export function textOfEntry(entry: CachedClaims, { now, wallNow }: Clocks): string | undefined {
  const at = now();
  const { claims, startedAt, freshUntil, keptUntil } = entry;
  try {
    return JSON.stringify([claims, startedAt, freshUntil - at, keptUntil - at, wallNow()]);
  } catch {
    return undefined;
  }
}

/** The entry on the clock of this process, with less time left and never with more; `undefined` for what cannot be used. */
export function entryOfText(text: string, clocks: Clocks): CachedClaims | undefined {
  const wall = clocks.wallNow();
  try {
    const parsed = JSON.parse(text) as unknown;
    if (!Array.isArray(parsed)) return undefined;
    const [claims, ...numbers] = parsed as unknown[];
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
    if (numbers.length !== 4 || !numbers.every(Number.isFinite)) return undefined;
    const [startedAt, freshMs, keptMs, writtenAt] = numbers as [number, number, number, number];
    // From a clock that is too far ahead: its marks and its age would mean nothing.
    if (Math.max(writtenAt, startedAt) - wall > clocks.toleranceMs) return undefined;
    const ageMs = Math.max(0, wall - writtenAt);
    if (!(keptMs > ageMs)) return undefined;
    const at = clocks.now() - ageMs;
    return {
      claims: freezeClaims(claims as Claims),
      startedAt,
      freshUntil: at + freshMs,
      keptUntil: at + keptMs,
    };
  } catch {
    return undefined;
  }
}
