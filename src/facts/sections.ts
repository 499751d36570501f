import { VfleetError } from '../errors.ts';

/** What the probe printed, by section: `Output.sections`. */
export type Sections = ReadonlyMap<string, Buffer>;

/** The lines of a section. Errors: `facts.incomplete` when the probe did not print it. */
export function linesOf(sections: Sections, key: string): readonly string[] {
  return textOf(sections, key)
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

/** The text of a section. Errors: `facts.incomplete`. */
export function textOf(sections: Sections, key: string): string {
  const bytes = sections.get(key);
  if (bytes === undefined) {
    throw new VfleetError({
      code: 'facts.incomplete',
      thing: `section ${key} of the probe`,
      expected: 'what the host prints there',
      found: 'nothing: the probe was cut off, or the host runs no POSIX shell',
      next: 'run `vfleet facts` for this host again, and look at the standard error of its shell',
    });
  }
  return bytes.toString('utf8');
}

/** One line of `grep -H`: the file, and what stands in it. */
export interface FileLine {
  readonly path: string;
  readonly text: string;
}

/**
 * Lines that `grep -H` printed. The path is everything before the first colon that `isPath` accepts, as PCI addresses hold
 * colons themselves. Lines of no known path are left out.
 */
export function fileLinesOf(sections: Sections, key: string, isPath = /^[^:]+$/): readonly FileLine[] {
  return linesOf(sections, key).flatMap((line) => {
    for (let at = line.indexOf(':'); at > 0; at = line.indexOf(':', at + 1)) {
      const path = line.slice(0, at);
      if (isPath.test(path)) return [{ path, text: line.slice(at + 1) }];
    }
    return [];
  });
}

/** The lines of each file, joined again. */
export function filesOf(lines: readonly FileLine[]): ReadonlyMap<string, string> {
  const files = new Map<string, string[]>();
  for (const { path, text } of lines) {
    const known = files.get(path);
    if (known === undefined) files.set(path, [text]);
    else known.push(text);
  }
  return new Map([...files].map(([path, texts]) => [path, texts.join('\n')]));
}

/** Digits as a number; `null` for anything else. */
export function integer(text: string | undefined): number | null {
  const trimmed = text?.trim() ?? '';
  return /^-?\d{1,15}$/.test(trimmed) ? Number(trimmed) : null;
}
