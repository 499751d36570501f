import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VfleetError } from '../../errors.ts';
import { hasEnded, thisProcess } from '../owner.ts';

const ownerSchema = z.object({ pid: z.int(), started: z.string(), boot: z.string(), namespace: z.string() });

/** Lets one command at a time change a lab. A lock whose owner has died is taken over. Errors: `lab.vm-busy`. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const file = join(folder, 'lock.json');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await take(file);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<void> {
  // A link appears with its text, so that nobody reads a lock that says nothing yet and takes it for junk.
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify(thisProcess()));
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (await linked(mine, file)) return;
      const pid = await livingOwner(file);
      if (pid !== null) throw busy(file, pid);
      await removeDead(file);
    }
    throw busy(file, null);
  } finally {
    await rm(mine, { force: true });
  }
}

/** Aside first: only one of several can move it, and who finds that it moved a living one's puts it back. */
async function removeDead(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    // Another was quicker.
    return;
  }
  if ((await livingOwner(aside)) !== null) await linked(aside, file);
  await rm(aside, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
}

/** The process that holds a lock; `null`: it has ended, or there is no lock, or nobody's. */
async function livingOwner(file: string): Promise<number | null> {
  try {
    const owner = ownerSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return hasEnded(owner) ? null : owner.pid;
  } catch {
    return null;
  }
}

function busy(file: string, pid: number | null): VfleetError {
  return new VfleetError({
    code: 'lab.vm-busy',
    thing: file,
    expected: 'no other vfleet at work on these nodes',
    found: pid === null ? 'others that come again and again' : `process ${pid}`,
    next: 'wait for its end, or name another --directory',
  });
}
