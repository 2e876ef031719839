import { type Claims, freezeClaims } from '../claims.ts';
import type { CachedClaims } from './claims-cache.ts';

/** Few: all tokens of a client have claims of the same names. */
const MAX_SHAPES = 256;
const TWO_BYTES = /[\u0100-\uffff]/g;

/** An entry as text, in about half the memory: the names of its claims, and their values with its three instants behind them. */
export interface PackedClaims {
  readonly names: readonly string[];
  readonly values: string;
}

/** Packs entries, and unpacks them. The names of claims are kept once for all entries that have the same. */
export class ClaimsPacker {
  readonly #shapes = new Map<string, readonly string[]>();

  /** `undefined` for claims that are not what JSON can hold: a backend of the application may have made them. */
  pack({ claims, startedAt, freshUntil, keptUntil }: CachedClaims): PackedClaims | undefined {
    const names = this.#shared(Object.keys(claims).filter((name) => claims[name] !== undefined));
    try {
      const values = JSON.stringify([...names.map((name) => claims[name]), startedAt, freshUntil, keptUntil]);
      return { names, values: inOneByte(values) };
    } catch {
      return undefined;
    }
  }

  unpack({ names, values }: PackedClaims): CachedClaims {
    const all = JSON.parse(values) as unknown[];
    const [startedAt, freshUntil, keptUntil] = all.splice(names.length) as [number, number, number];
    const claims = Object.fromEntries(names.map((name, index) => [name, all[index]])) as Claims;
    return { claims: freezeClaims(claims), startedAt, freshUntil, keptUntil };
  }

  #shared(names: readonly string[]): readonly string[] {
    const shape = JSON.stringify(names);
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    if (this.#shapes.size < MAX_SHAPES) this.#shapes.set(shape, names);
    return names;
  }
}

/** V8 keeps a text in two bytes for each character as soon as one of them needs it. */
function inOneByte(json: string): string {
  return json.replace(
    TWO_BYTES,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
