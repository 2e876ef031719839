/** What must not be shown, whoever repeats it. */
export type Conceal = <T>(value: T) => T;

// A shorter one is part of too many words that have nothing to do with it.
const LEAST = 8;
// Claims nested deeper are refused anyway, and could not be walked to their end.
const DEEPEST = 40;

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
  const conceal = (value: unknown, depth = 0): unknown => {
    if (typeof value === 'string') return hide(value);
    // A backend's own claims may hold what JSON cannot.
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > DEEPEST) return '…';
    if (Array.isArray(value)) return value.map((member) => conceal(member, depth + 1));
    const members = Object.entries(value).map(([name, member]) => [hide(name), conceal(member, depth + 1)]);
    return Object.fromEntries(members);
  };
  return ((value: unknown) => conceal(value)) as Conceal;
}
