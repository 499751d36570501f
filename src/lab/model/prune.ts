import { lstatSync, readdirSync, rmSync } from 'node:fs';
import type { Layout } from './layout.ts';

/** Removes from `path`, which is `at` on this machine, what the layout does not have there. */
export function prune(at: string, path: string, layout: Layout): void {
  const names = namesOf(layout);
  const folders = foldersOf(layout);
  if (names.has(path) || folders.has(path)) pruneBelow(at, path, names, folders);
  else rmSync(at, { recursive: true, force: true });
}

/** The entries by the folder that they are in, the folders that lead to them among them. */
function namesOf(layout: Layout): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  for (const entry of layout.keys()) {
    for (
      let path = entry, slash = path.lastIndexOf('/');
      slash >= 0;
      path = path.slice(0, slash), slash = path.lastIndexOf('/')
    ) {
      const siblings = names.get(path.slice(0, slash)) ?? new Set<string>();
      const known = siblings.has(path.slice(slash + 1));
      names.set(path.slice(0, slash), siblings.add(path.slice(slash + 1)));
      if (known) break;
    }
  }
  return names;
}

function foldersOf(layout: Layout): ReadonlySet<string> {
  return new Set([...layout].filter(([, entry]) => entry.kind === 'folder').map(([path]) => path));
}

function pruneBelow(
  at: string,
  path: string,
  names: ReadonlyMap<string, ReadonlySet<string>>,
  folders: ReadonlySet<string>,
): void {
  const found = lstatSync(at, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) {
    rmSync(at, { force: true });
    return;
  }
  const wanted = names.get(path);
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    const below = `${path}/${entry.name}`;
    if (!wanted?.has(entry.name)) rmSync(`${at}/${entry.name}`, { recursive: true, force: true });
    // A link where a folder should be gives way; a folder is looked into, one that should be empty too.
    else if (names.has(below) || folders.has(below)) pruneBelow(`${at}/${entry.name}`, below, names, folders);
  }
}
