import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Facts } from '../../src/facts/facts.ts';
import { parseFacts } from '../../src/facts/probe.ts';
import type { Sections } from '../../src/facts/sections.ts';

const folder = fileURLToPath(new URL('fixtures/', import.meta.url));

/** Names of the fixture folders. Each has `source` (vm, public or constructed, and why), `probe.txt` and `facts.json`. */
export const fixtureNames: readonly string[] = readdirSync(folder).sort();

export function fixtureFile(name: string, file: string): string {
  return readFileSync(`${folder}${name}/${file}`, 'utf8');
}

/** The sections of a `probe.txt`: each begins with a line `#### section KEY`. */
export function parseSections(text: string): Sections {
  const pieces = text.split(/^#### section (\S+)\n/m).slice(1);
  const sections = new Map<string, Buffer>();
  for (let i = 0; i + 1 < pieces.length; i += 2) sections.set(pieces[i] ?? '', Buffer.from(pieces[i + 1] ?? ''));
  return sections;
}

export function fixtureSections(name: string): Sections {
  return parseSections(fixtureFile(name, 'probe.txt'));
}

/** The facts of a fixture, for tests of other folders too. */
export function fixtureFacts(name: string): Facts {
  return parseFacts(fixtureSections(name));
}
