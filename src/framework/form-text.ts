/**
 * Writes a form out again that a body parser of the application has taken apart, as the text that it was; `undefined`
 * where that is too long. What no text field of a form can be becomes an empty one.
 */
export function formText(form: object, maxBytes: number): string | undefined {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    for (const one of Array.isArray(value) ? value : [value])
      text.append(name, typeof one === 'string' ? one : '');
  }
  return within(text.toString(), maxBytes);
}

/** The text, unless it is longer than that. */
export function within(text: string, maxBytes: number): string | undefined {
  // Any text has at least as many bytes as it has code units.
  if (text.length > maxBytes) return undefined;
  return new TextEncoder().encode(text).length > maxBytes ? undefined : text;
}
