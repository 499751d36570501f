import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { resolveInside } from './inside.ts';
import { layEntry } from './lay.ts';
import type { Layout } from './layout.ts';
import { prune } from './prune.ts';

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
      if (at !== null && at !== base) prune(at, path, layout);
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
