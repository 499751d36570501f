import { access, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { VfleetError } from '../../errors.ts';
import { ioReason } from '../../inventory/text-file.ts';
import { inventoryOf } from './access.ts';
import { accessFiles } from './log-in.ts';

/** What a lab makes in its folder, and `down` removes from it, beside `lab.json`. */
export function ownFiles(folder: string): readonly string[] {
  const { keyFile, knownHosts } = accessFiles(folder);
  return [join(folder, 'nodes'), inventoryOf(folder), keyFile, knownHosts, markOf(folder)];
}

/**
 * A folder by its one real name: the process of a node is known by the name that it was started with, and another name
 * for the same folder would make it look off. One that is not there has no other name.
 */
export async function realFolder(folder: string): Promise<string> {
  return realpath(folder).catch(() => folder);
}

/** Makes the folder, for its user alone, where it is not there; gives its real name. Errors: `lab.vm-folder`. */
export async function makeFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await realpath(folder);
  } catch (cause) {
    throw new VfleetError({
      code: 'lab.vm-folder',
      thing: folder,
      expected: 'a folder, or a place for one',
      found: ioReason(cause),
      next: 'name another --directory',
      cause,
    });
  }
}

/**
 * Refuses a folder for a new lab that has somebody's own inventory or key. What an earlier try that was cut off left there
 * is ours to replace. Errors: `lab.vm-folder`.
 */
export async function checkOwn(folder: string): Promise<void> {
  if (await isThere(markOf(folder))) return;
  const files = ownFiles(folder);
  const there = await Promise.all(files.map(isThere));
  const foreign = files.filter((_, index) => there[index]).map((file) => basename(file));
  if (foreign.length === 0) return;
  throw new VfleetError({
    code: 'lab.vm-folder',
    thing: folder,
    expected: 'a folder of the lab alone: it would write over these files, and lab vm down remove them',
    found: foreign.join(', '),
    next: 'name another --directory, or move them away',
  });
}

/** Makes the folder that of a new lab, until `settle`. Errors: `lab.vm-folder`. */
export async function claim(folder: string): Promise<void> {
  await checkOwn(folder);
  await writeFile(markOf(folder), '');
}

/** The new lab is written down: from here on its own file tells whose the folder is. */
export async function settle(folder: string): Promise<void> {
  await rm(markOf(folder), { force: true });
}

function markOf(folder: string): string {
  return join(folder, 'lab.making');
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
