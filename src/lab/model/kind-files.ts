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
    const path = at.slice(base.length);
    return [path, withMode(path, await readEntry(at))];
  });
  const links = Object.entries(settings.links ?? {}).map(([at, target]): [string, Entry] => [at, link(target)]);
  return new Map([...(await Promise.all(pairs)).sort(([a], [b]) => (a < b ? -1 : 1)), ...links]);
}

/** A package of npm keeps no mode but the executable bit; Debian's `grub-mkconfig` makes its file under umask 077. */
function withMode(path: string, entry: Entry): Entry {
  return entry.kind === 'file' && path === '/boot/grub/grub.cfg' ? { ...entry, mode: 0o600 } : entry;
}

async function readEntry(at: string): Promise<Entry> {
  const found = await lstat(at);
  if (found.isSymbolicLink()) return link(await readlink(at));
  if (found.isDirectory()) return folder();
  return file(await readFile(at), (found.mode & 0o111) === 0 ? 0o644 : 0o755);
}
