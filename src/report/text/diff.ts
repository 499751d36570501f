import { escapeLines } from '../escape.ts';
import type { Paint } from '../paint.ts';

/** A unified diff with colours, escaped. */
export function diffLines(diff: string, paint: Paint): readonly string[] {
  // A removed line `-- x` looks like a header; headers stand before the first hunk only.
  let inHunk = false;
  return escapeLines(diff).map((line) => {
    if (line.startsWith('@@')) {
      inHunk = true;
      return paint.place(line);
    }
    if (!inHunk) return paint.strong(line);
    if (line.startsWith('+')) return paint.good(line);
    if (line.startsWith('-')) return paint.bad(line);
    return line.startsWith('\\') ? paint.quiet(line) : line;
  });
}
