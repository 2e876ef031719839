/** Pairs of subjects that are two people: usable, and taken for one by a store that compares carelessly (I11). */
export const TWO_PEOPLE: readonly (readonly [first: string, second: string])[] = [
  ['Alice', 'alice'],
  ['zo\u00eb', 'zoe\u0308'],
  ['zo\u00eb', 'zoe'],
  ['admin', '\u0430dmin'],
  ['\uff41lice', 'alice'],
  ['\u0131van', 'ivan'],
  ['stra\u00dfe', 'strasse'],
  ['ali\u200bce', 'alice'],
  ['%', 'alice'],
  ['_lice', 'alice'],
  ['alice\\', 'alice'],
  ["' or 1=1 --", 'alice'],
  ["alice' --", 'alice'],
  ['";drop table users;', 'alice'],
  ['1', '01'],
  ['1', '1.0'],
  ['0', 'alice'],
  ['null', 'undefined'],
  ['__proto__', 'constructor'],
  ['{"$gt":""}', '[]'],
  ['\u{1f469}', '\u{1f468}'],
  ['\u{1f469}\u200d\u{1f4bb}', '\u{1f469}'],
  ['a'.repeat(255), 'a'.repeat(254)],
  [`${'a'.repeat(254)}b`, `${'a'.repeat(254)}c`],
];

/**
 * Subjects that are no identifiers, each with the one that a careless store makes of it (I11, U10). A store refuses the
 * first, or keeps it as it is.
 */
export const NOT_IDENTIFIERS: readonly (readonly [subject: string, neighbour: string])[] = [
  ['\ud800', '\ufffd'],
  ['\udfff', '\ufffd'],
  ['a\ud800b', 'a\ufffdb'],
  ['alice\0', 'alice'],
  ['alice\0mallory', 'alice'],
  ['alice ', 'alice'],
  [' alice', 'alice'],
  ['alice\n', 'alice'],
  ['alice\t', 'alice'],
  ['alice\u0085', 'alice'],
  ['a'.repeat(256), 'a'.repeat(255)],
  ['a'.repeat(100_000), 'a'.repeat(255)],
  ['', 'alice'],
  [' ', 'alice'],
];

/** What a `sub` in JSON can be beside text, each with the text that a careless store takes it for (I11, U10). */
export const NOT_TEXT: readonly (readonly [subject: unknown, neighbour: string])[] = [
  [0, '0'],
  [42, '42'],
  [true, 'true'],
  [true, '1'],
  [false, '0'],
  [null, 'null'],
  [[], '[]'],
  [['alice'], 'alice'],
  [{ $gt: '' }, 'alice'],
  [{ toString: 'alice' }, 'alice'],
];

/** Values that drivers fail on, or change (U10). */
export const HOSTILE_TEXTS: readonly string[] = [
  '\ud800',
  'a\0b',
  '\n',
  '',
  ' ',
  "' or 1=1 --",
  '\u{1f469}\u200d\u{1f4bb}',
  'x'.repeat(100_000),
];

/** How a value is called in the name of a test. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 8)}… (${text.length - 2} characters)` : text;
}
