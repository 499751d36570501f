import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineKind } from '../machine.ts';
import { type Entry, file, folder, type Layout, link } from './layout.ts';

/** The files of a kind's `root/` folder, as they are, and its links. A kind without the folder has none. */
export async function kindFiles({ folder: kindFolder, settings }: MachineKind): Promise<Layout> {
  const base = join(kindFolder, 'root');
  const entries = await readdir(base, { withFileTypes: true, recursive: true }).catch(() => []);
  const pairs = entries.map(async (entry): Promise<[string, Entry]> => {
    const at = join(entry.parentPath, entry.name);
    return [at.slice(base.length), await readEntry(at)];
  });
  const links = Object.entries(settings.links ?? {}).map(([at, target]): [string, Entry] => [at, link(target)]);
  return new Map([...(await Promise.all(pairs)).sort(([a], [b]) => (a < b ? -1 : 1)), ...links]);
}

async function readEntry(at: string): Promise<Entry> {
  const found = await lstat(at);
  if (found.isSymbolicLink()) return link(await readlink(at));
  if (found.isDirectory()) return folder();
  return file(await readFile(at), (found.mode & 0o111) === 0 ? 0o644 : 0o755);
}
