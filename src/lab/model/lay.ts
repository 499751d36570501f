import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { VfleetError } from '../../errors.ts';
import { resolveInside } from './inside.ts';
import type { Entry } from './layout.ts';

/** Puts one entry into the tree at `base`. `parents` remembers the folders that are known to be there. */
export function layEntry(base: string, path: string, entry: Entry, parents: Map<string, string>): void {
  const slash = path.lastIndexOf('/');
  const at = `${makeFolder(base, path.slice(0, slash), parents)}/${path.slice(slash + 1)}`;
  const found = lstatSync(at, { throwIfNoEntry: false });
  if (entry.kind === 'folder') {
    if (!found?.isDirectory()) makePath(at);
    if (!found?.isDirectory() || (found.mode & 0o7777) !== entry.mode) chmodSync(at, entry.mode);
    return;
  }
  if (found !== undefined && holds(at, found, entry)) return;
  // Removed first: the file may be a hard link that the nodes share, and a write must not go through a link.
  rmSync(at, { recursive: true, force: true });
  if (entry.kind === 'link') symlinkSync(entry.target, at);
  else {
    writeFileSync(at, entry.content, { mode: entry.mode, flag: 'wx' });
    // The mode of a new file is cut by the umask of this process.
    if ((entry.mode & 0o022) !== 0) chmodSync(at, entry.mode);
  }
}

/** Whether a path is the entry already. A file with several names is never taken for it. */
function holds(at: string, found: Stats, entry: Exclude<Entry, { kind: 'folder' }>): boolean {
  if (entry.kind === 'link') return found.isSymbolicLink() && readlinkSync(at) === entry.target;
  const content = Buffer.from(entry.content);
  const alike =
    found.isFile() && found.nlink === 1 && found.size === content.length && (found.mode & 0o7777) === entry.mode;
  return alike && contentOf(at)?.equals(content) === true;
}

/** `null`: this user may not read it, as the write-only files of sysfs, which only root reads all the same. */
function contentOf(at: string): Buffer | null {
  try {
    return readFileSync(at);
  } catch {
    return null;
  }
}

function makeFolder(base: string, path: string, parents: Map<string, string>): string {
  const known = parents.get(path);
  if (known !== undefined) return known;
  const at = resolveInside(base, path, true);
  if (at === null) {
    throw new VfleetError({
      code: 'lab.tree',
      thing: `${path} of a lab node`,
      expected: 'a folder',
      found: 'links that lead in a circle',
      next: 'start the lab anew',
    });
  }
  makePath(at);
  parents.set(path, at);
  return at;
}

/** Makes a folder and its parents; a file in its place gives way, as a mount over it would hide it. */
function makePath(at: string): void {
  if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return;
  try {
    mkdirSync(at, { recursive: true });
  } catch {
    rmSync(at, { force: true });
    mkdirSync(at, { recursive: true });
  }
}
