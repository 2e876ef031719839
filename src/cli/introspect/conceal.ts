/** What must not be shown, whoever repeats it. */
export type Conceal = <T>(value: T) => T;

// A shorter one is part of too many words that have nothing to do with it.
const LEAST = 8;

/**
 * Makes the function that takes secrets out of what somebody else wrote. Some servers repeat the token as its `jti`, and
 * what a backend of one's own says is anybody's guess.
 */
export function concealer(secrets: readonly string[]): Conceal {
  // The longest first: one secret may be within another.
  const known = [...new Set(secrets)].filter(Boolean).sort((a, b) => b.length - a.length);
  const hide = (text: string): string => {
    if (known.includes(text)) return '[secret]';
    return known
      .filter(({ length }) => length >= LEAST)
      .reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  };
  const conceal = (value: unknown): unknown => {
    if (typeof value === 'string') return hide(value);
    if (Array.isArray(value)) return value.map(conceal);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [hide(name), conceal(member)]));
  };
  return conceal as Conceal;
}
