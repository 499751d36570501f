import { closeSync, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import type { Cell } from './cell.ts';
import { execute } from './execute.ts';

/**
 * Copies the folders to one small tmpfs, mounts them over the originals, and fills what is left, so that ENOSPC comes
 * from the kernel. The filler itself is in no folder of the node.
 */
const fillScript = `root=$1 stage=$2; shift 2
size=8192
for folder in "$@"; do size=$((size + $(du -sk "$root$folder" | cut -f1) * 5 / 4)); done
mkdir -p "$stage"
mount -t tmpfs -o "size=\${size}k,mode=0755" vfleet-lab "$stage"
index=0
for folder in "$@"; do
  index=$((index + 1))
  mkdir "$stage/$index"
  cp -a "$root$folder/." "$stage/$index/"
  mount --bind "$stage/$index" "$root$folder"
done
cat /dev/zero >"$stage/filler" 2>/dev/null || :
umount "$stage"
rmdir "$stage"`;

const emptyScript = 'for folder; do umount -l "$folder"; done';

/** Makes a folder hold exactly what another one holds. */
const replaceScript = 'find "$2" -mindepth 1 -maxdepth 1 -exec rm -rf {} + && cp -a "$1/." "$2/"';

/** Folders of a running node in which no free block is left. */
export interface FullDisk {
  readonly folders: readonly string[];
  /** Gives the node its room back; what was changed meanwhile stays changed. */
  release(): Promise<void>;
  /** Ends `cell` through `kill`, and keeps what was changed on the disk. */
  keepThrough(kill: () => Promise<void>): Promise<void>;
}

/** Fills the disk of a node. Errors: `lab.fault-folder`, `lab.mount`. */
export async function fillDisk(
  cell: Cell & { mounts: NonNullable<Cell['mounts']> },
  folders: readonly string[],
): Promise<FullDisk> {
  for (const folder of folders) await checkFolder(cell.root, folder);
  // Beside the tree, where no link of a script can lead elsewhere.
  await cell.mounts(fillScript, cell.root, path.join(path.dirname(cell.root), 'disk'), ...folders);
  const seen = (folder: string) => path.join(cell.view, folder);
  const stored = (folder: string) => path.join(cell.root, folder);
  return {
    folders,
    release: async () => {
      for (const folder of folders) await replace(seen(folder), stored(folder));
      await cell.mounts(emptyScript, ...folders.map(stored));
    },
    keepThrough: async (kill) => {
      // An open folder holds its mount when the namespace goes.
      const open = folders.map((folder) => openSync(seen(folder), 'r'));
      await kill();
      for (const [index, folder] of folders.entries()) {
        const file = open[index];
        if (file === undefined) continue;
        await replace('/proc/self/fd/3', stored(folder), [file]);
        closeSync(file);
      }
    },
  };
}

async function replace(source: string, target: string, extraFiles: readonly number[] = []): Promise<void> {
  const done = await execute('/bin/sh', ['-c', replaceScript, 'sh', source, target], { extraFiles });
  if (done.code === 0) return;
  throw new VfleetError({
    code: 'lab.disk',
    thing: target,
    expected: 'to keep its changes',
    found: done.stderr.trim(),
  });
}

/** A link in the path could lead out of the tree. */
async function checkFolder(root: string, folder: string): Promise<void> {
  let at = root;
  for (const part of folder.split('/').filter(Boolean)) {
    at = path.join(at, part);
    const found = await lstat(at).catch(() => null);
    if (found?.isDirectory()) continue;
    throw new VfleetError({
      code: 'lab.fault-folder',
      thing: `fault fullDisk: ${folder}`,
      expected: 'a folder of the node',
      found: found === null ? 'nothing there' : 'no folder',
      next: 'name folders as they are on the node, without symbolic links',
    });
  }
}
