import { mkdir, mkdtemp, readdir, realpath } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import { removeTree } from './tree.ts';

/** The folder that a lab keeps everything in. */
export interface LabFolder {
  readonly path: string;
  /** Removes what the lab made: all that is in it, and the folder itself unless it was there before. */
  remove(): Promise<void>;
}

/** Makes the folder, or takes an empty one. Errors: `lab.folder-not-empty`. */
export async function makeLabFolder(wanted?: string): Promise<LabFolder> {
  if (wanted === undefined) {
    const made = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vfleet-lab-')));
    return { path: made, remove: () => removeTree(made) };
  }
  const isNew = (await mkdir(wanted, { recursive: true, mode: 0o700 })) !== undefined;
  const folder = await realpath(wanted);
  const found = await readdir(folder);
  if (found.length > 0) {
    throw new VfleetError({
      code: 'lab.folder-not-empty',
      thing: folder,
      expected: 'an empty folder for the lab',
      found: `${found.length} entries in it`,
      next: 'name another folder',
    });
  }
  return {
    path: folder,
    remove: async () => {
      if (isNew) await removeTree(folder);
      else for (const name of await readdir(folder)) await removeTree(path.join(folder, name));
    },
  };
}
