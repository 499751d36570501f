/** The lines of a text, each with its end. */
export function splitLines(text: string): readonly string[] {
  return text.split(/(?<=\n)/);
}

/** Whether a text has a line, given without its end. */
export function hasLine(text: string, line: string): boolean {
  return splitLines(text).some((other) => bare(other) === line);
}

/**
 * The text without some lines, one for each: the last such line, as what the runner adds stands at the end. Where one has a
 * former text, that takes its place.
 */
export function withoutLines(
  text: string,
  lines: readonly string[],
  former: ReadonlyMap<string, string> = new Map(),
): string {
  let left = splitLines(text);
  for (const line of lines) {
    const at = left.findLastIndex((other) => bare(other) === line);
    if (at < 0) continue;
    const before = former.get(line);
    const end = left[at]?.slice(line.length) ?? '';
    left = left.toSpliced(at, 1, ...(before === undefined ? [] : [`${before}${end}`]));
  }
  return left.join('');
}

function bare(line: string): string {
  return line.replace(/\r?\n$/, '');
}
