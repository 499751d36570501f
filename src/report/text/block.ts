import { displayWidth, padLeft, padRight } from '../width.ts';

/** How reports are written as text. */
export interface TextOptions {
  readonly colour: boolean;
  /** All evidence, passed checks and every name. Default: only what needs attention. */
  readonly verbose?: boolean | undefined;
}

/** Lines further to the right. */
export function indent(lines: readonly string[], columns = 2): readonly string[] {
  return lines.map((line) => (line === '' ? line : ' '.repeat(columns) + line));
}

/** A label, and lines beside it: the first on its line, the others below that. */
export function labelled(label: string, lines: readonly string[]): readonly string[] {
  const [first = '', ...others] = lines;
  return [`${label} ${first}`, ...indent(others, displayWidth(label) + 1)];
}

/** Sections with an empty line between, without the empty ones, as text that ends in a line end. */
export function joinSections(sections: readonly (readonly string[])[]): string {
  const texts = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return texts.length === 0 ? '' : `${texts.join('\n\n')}\n`;
}

/** Rows in columns as wide as they need; all but the first column may be aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number>): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
  }
  const aligned = (cell: string, at: number): string => (right.has(at) ? padLeft : padRight)(cell, widths[at] ?? 0);
  return rows.map((row) => row.map(aligned).join('  ').trimEnd());
}

/** `1 host`, `22 hosts`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
