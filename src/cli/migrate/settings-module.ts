/** One `NAME = …` of a settings module. */
export interface Assignment {
  readonly name: string;
  /** The right side, over as many lines as its brackets and quotes make it. */
  readonly source: string;
  readonly line: number;
  /** Whether it stands in a class, or under a condition. */
  readonly indented: boolean;
}

const ASSIGNMENT = /([ \t]*)([A-Z][A-Z0-9_]*)[ \t]*(?::[^=\n]+)?=(?!=)/y;
const PIECE = /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*|\\\n|[\s\S]/y;

/** Finds the assignments in a Python module. What they mean is `readPythonValue`'s to say. */
export function assignmentsIn(module: string): Assignment[] {
  const text = module.replace(/\r\n?/g, '\n');
  const found: Assignment[] = [];
  for (let at = 0; at < text.length;) {
    ASSIGNMENT.lastIndex = at;
    const assignment = ASSIGNMENT.exec(text);
    const start = assignment ? ASSIGNMENT.lastIndex : at;
    const end = endOfStatement(text, start);
    if (assignment) {
      const [, indentation = '', name = ''] = assignment;
      const line = text.slice(0, at).split('\n').length;
      found.push({ name, source: text.slice(start, end).trim(), line, indented: indentation !== '' });
    }
    at = end + 1;
  }
  return found;
}

/** The end of the line on which brackets and quotes that are open at `start` are closed. */
function endOfStatement(text: string, start: number): number {
  let depth = 0;
  for (PIECE.lastIndex = start; PIECE.lastIndex < text.length;) {
    const piece = PIECE.exec(text)?.[0] ?? '';
    if (piece === '\n' && depth <= 0) return PIECE.lastIndex - 1;
    if (/^[[({]$/.test(piece)) depth++;
    if (/^[\])}]$/.test(piece)) depth--;
  }
  return text.length;
}
