import { chmod, mkdir, mkdtemp, readdir, realpath, statfs, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import { execute } from './execute.ts';
import { makeSweptFolder } from './swept-folder.ts';
import { removeTree } from './tree.ts';

/** The folder that a lab keeps everything in. */
export interface LabFolder {
  readonly path: string;
  /** Removes what the lab made: all that is in it, and the folder itself unless it was there before. */
  remove(): Promise<void>;
}

const prefix = 'vfleet-lab-';

/** Makes the folder, or takes an empty one. Errors: `lab.folder-not-empty`. */
export async function makeLabFolder(wanted?: string): Promise<LabFolder> {
  if (wanted !== undefined) return takeFolder(wanted);
  const base = await temporaryFolder();
  const made = await makeSweptFolder(base, prefix);
  return { path: made, remove: () => removeTree(made) };
}

async function takeFolder(wanted: string): Promise<LabFolder> {
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

/** Bytes that must be free in memory: a few times what 24 nodes take. */
const enough = 512 * 1024 * 1024;

/** Memory where it may hold programs and has room, as a node is a thousand small files; else the temporary files. */
async function temporaryFolder(): Promise<string> {
  const memory = '/dev/shm';
  if (process.env['TMPDIR'] !== undefined) return os.tmpdir();
  try {
    const { bavail, bsize } = await statfs(memory);
    if (bavail * bsize >= enough && (await runsPrograms(memory))) return memory;
  } catch {
    // No such folder, or not for us.
  }
  return os.tmpdir();
}

async function runsPrograms(folder: string): Promise<boolean> {
  const tried = await mkdtemp(path.join(folder, 'vfleet-try-'));
  try {
    const program = path.join(tried, 'program');
    await writeFile(program, '#!/bin/sh\nexit 0\n');
    await chmod(program, 0o700);
    return (await execute(program, [])).code === 0;
  } finally {
    await removeTree(tried);
  }
}
