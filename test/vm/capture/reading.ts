import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** What `read-machine.sh` printed. */
export interface Reading {
  /** Text of each section, without the empty line before the next. */
  readonly sections: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, { readonly mode: number; readonly text: string }>;
  readonly links: ReadonlyMap<string, string>;
}

/** The script that reads a machine: for `sh`, as root. */
export async function readingScript(): Promise<string> {
  return readFile(fileURLToPath(new URL('read-machine.sh', import.meta.url)), 'utf8');
}

/** Takes apart what the script printed. Throws when it did not come to its end. */
export function parseReading(printed: string): Reading {
  const parts = printed.split(/(?:^|\n)@@ (.+)\n/).slice(1);
  const named = parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1] ?? ''] as const] : []));
  if (named.at(-1)?.[0] !== 'end') throw new Error(`the reading was cut off:\n${printed.slice(-300)}`);
  const files = new Map<string, { mode: number; text: string }>();
  const links = new Map<string, string>();
  const sections = new Map<string, string>();
  for (const [name, text] of named) {
    const [, kind, mode = '', path = ''] = /^(file|link) (?:([0-7]+) )?(\/.*)$/.exec(name) ?? [];
    if (kind === 'file') files.set(path, { mode: Number.parseInt(mode, 8), text });
    else if (kind === 'link') links.set(path, text.trim());
    else sections.set(name, text);
  }
  return { sections, files, links };
}

/** Lines of a section that are not empty. */
export function linesOf(reading: Reading, section: string): readonly string[] {
  const text = reading.sections.get(section);
  if (text === undefined) throw new Error(`the reading has no section ${section}`);
  return text.split('\n').filter((line) => line.trim() !== '');
}
