import { mkdtemp, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { hasEnded, thisProcess } from '../lock/owner.ts';
import { killProcessesIn } from './processes.ts';
import { removeTree } from './tree.ts';

const ownerFile = 'owner.json';
const ownerSchema = z.object({ pid: z.int(), started: z.string(), boot: z.string(), namespace: z.string() });

/**
 * Makes a temporary folder in `base`, its name beginning with `prefix`. When this process is killed before it removes it,
 * the next that makes one of that prefix does.
 */
export async function makeSweptFolder(base: string, prefix: string): Promise<string> {
  await sweep(base, prefix);
  const made = await realpath(await mkdtemp(path.join(base, prefix)));
  await writeFile(path.join(made, ownerFile), JSON.stringify(thisProcess()));
  return made;
}

async function sweep(base: string, prefix: string): Promise<void> {
  for (const name of await readdir(base)) {
    if (!name.startsWith(prefix)) continue;
    const folder = path.join(base, name);
    try {
      const owner = ownerSchema.parse(JSON.parse(await readFile(path.join(folder, ownerFile), 'utf8')));
      if (!hasEnded(owner)) continue;
      await killProcessesIn(folder);
      await removeTree(folder);
    } catch {
      // Not ours to judge: another user's, or one that is just being made.
    }
  }
}
