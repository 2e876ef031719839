/** What a request target asks: what the settings want, what a policy wants, or something that is published. */
export type Target =
  | { readonly kind: 'auth' }
  | { readonly kind: 'policy'; readonly name: string }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'refused' };

const AUTH: Target = Object.freeze({ kind: 'auth' });
const REFUSED: Target = Object.freeze({ kind: 'refused' });

// Most paths have nothing that would have to be looked at twice.
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const SUSPICIOUS = /[\u0000-\u0020\u007f%\\#.]/;
// A control character, blank or backslash, plain or encoded, or a fragment, which no request target has (RFC 9112 section 3.2).
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const STRANGE = /[\u0000-\u0020\u007f\\#]|%(?:[01][0-9a-f]|7f|5c)/i;
// `.` and `..`, plain or encoded, between slashes of either kind. Some servers cut `;…` off before they look.
const DOT_SEGMENT = /(?:\/|%2f)(?:\.|%2e){1,2}(?:(?:;|%3b)[^/]*)?(?=\/|%2f|$)/i;
const ENCODED_SLASH = /%2f/i;

/**
 * Reads the raw request target. Nothing is decoded or normalised: what decides stands there letter by letter, or it does
 * not stand there.
 *
 * Some proxies append the path and query of their caller, who must not be able to choose a policy by them. Dot segments
 * are refused wherever they stand: whatever normalises paths on the way would make another policy of them.
 */
export function readTarget(url: string): Target {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  // The absolute form (`http://…`), the asterisk of OPTIONS, and what is no path at all.
  if (!path.startsWith('/')) return REFUSED;
  if (SUSPICIOUS.test(path) && (STRANGE.test(path) || DOT_SEGMENT.test(path))) return REFUSED;
  const [, first = '', second = ''] = path.split('/', 3);
  if (ENCODED_SLASH.test(first) || (first === '' && path !== '/')) return REFUSED;
  if (first === 'auth') return AUTH;
  if (first !== 'policy') return { kind: 'path', path };
  if (ENCODED_SLASH.test(second) || path.startsWith('/policy//')) return REFUSED;
  return { kind: 'policy', name: second };
}
