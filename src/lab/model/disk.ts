import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { VfleetError } from '../../errors.ts';
import type { Entry, Layout } from './layout.ts';

/** Larger files than this are no configuration: they are not read. */
const readLimit = 4 * 1024 * 1024;

/**
 * A node's file tree as the model reads and writes it from outside. Every path is resolved *inside* the tree, symbolic
 * links included, as chroot(2) would: a link that a script has put there never leads to a file of this machine.
 * Synchronous on purpose: a thousand small files take a tenth of the time that the thread pool needs for them.
 */
export interface Disk {
  /** Text of a regular file; `null` where there is none, or where it is something else. */
  read(path: string): string | null;
  /** Size of a regular file in bytes; `null` where there is none. */
  size(path: string): number | null;
  isFolder(path: string): boolean;
  /** Names in a folder, sorted; empty where there is none. */
  list(path: string): readonly string[];
  /**
   * Puts the entries in place, and makes their parents. Never writes through a link in the last place. What is already as
   * it should be is left alone: on a busy disk a new inode costs a hundred times what a look costs.
   */
  lay(layout: Layout): void;
  /** Removes what is below a folder and not in the layout, and the folder itself where it is none. */
  prune(path: string, layout: Layout): void;
  /** Puts new content into the regular file that the path leads to, as a boot loader does; false where there is none. */
  overwrite(path: string, content: string): boolean;
  /** Removes a path with all below it. */
  remove(path: string): void;
}

/** The disk whose root is this folder. */
export function openDisk(root: string): Disk {
  const base = root.replace(/\/+$/, '');
  const real = (path: string, followLast = true): string | null => resolveInside(base, path, followLast);
  return {
    read(path) {
      const at = real(path);
      return at === null ? null : readRegular(at);
    },
    size(path) {
      const at = real(path);
      const found = at === null ? undefined : lstatSync(at, { throwIfNoEntry: false });
      return found?.isFile() ? found.size : null;
    },
    isFolder(path) {
      const at = real(path);
      return at !== null && (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() ?? false);
    },
    list(path) {
      const at = real(path);
      if (at === null || !lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return [];
      return readdirSync(at).sort();
    },
    lay(layout) {
      const parents = new Map<string, string>();
      for (const [path, entry] of layout) layEntry(base, path, entry, parents);
    },
    prune(path, layout) {
      const at = real(path, false);
      if (at !== null && at !== base) pruneBelow(at, path, namesOf(layout), foldersOf(layout));
    },
    overwrite(path, content) {
      const at = real(path);
      if (at === null || !lstatSync(at, { throwIfNoEntry: false })?.isFile()) return false;
      // A new file in its place: the old one may be a hard link that nodes share.
      rmSync(at);
      writeFileSync(at, content, { flag: 'wx' });
      return true;
    },
    remove(path) {
      const at = real(path, false);
      if (at !== null && at !== base) rmSync(at, { recursive: true, force: true });
    },
  };
}

/** Path on this machine of a path in the tree; `null` where a link loops. What does not exist is taken as it stands. */
function resolveInside(base: string, path: string, followLast: boolean): string | null {
  let pending = path.split('/').filter((part) => part !== '' && part !== '.');
  let done: string[] = [];
  for (let links = 0; pending.length > 0; ) {
    const [part, ...rest] = pending;
    pending = rest;
    if (part === undefined) break;
    if (part === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const here = `${base}/${[...done, part].join('/')}`;
    const isLink = lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    if (!isLink || (rest.length === 0 && !followLast)) {
      done = [...done, part];
      continue;
    }
    links += 1;
    if (links > 40) return null;
    const target = readlinkSync(here);
    if (target.startsWith('/')) done = [];
    pending = [...target.split('/').filter((name) => name !== '' && name !== '.'), ...rest];
  }
  return done.length === 0 ? base : `${base}/${done.join('/')}`;
}

/** Opens without blocking on a FIFO and without following a link, and reads regular files only. */
function readRegular(at: string): string | null {
  let handle: number;
  try {
    handle = openSync(at, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const found = fstatSync(handle);
    if (!found.isFile()) return null;
    const bytes = Buffer.alloc(Math.min(found.size, readLimit));
    return bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, 0)).toString('utf8');
  } finally {
    closeSync(handle);
  }
}

function layEntry(base: string, path: string, entry: Entry, parents: Map<string, string>): void {
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
  return alike && readFileSync(at).equals(content);
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
