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
  // A link appears with its text: nobody reads a lock that says nothing yet, and takes it for a dead one.
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify(thisProcess()));
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (await linked(mine, file)) return;
      const holder = await holderOf(file);
      if (typeof holder === 'number') throw busy(file, `process ${holder}`);
      if (holder === 'dead' && (await takenOver(mine, file))) return;
    }
    throw busy(file, 'others that come again and again');
  } finally {
    await rm(mine, { force: true });
  }
}

/** One takes over at a time, and only while it alone may, it looks again: the lock may by then be that of a living one. */
async function takenOver(mine: string, file: string): Promise<boolean> {
  const claim = `${file}.takeover`;
  if (!(await linked(mine, claim))) {
    const other = await holderOf(claim);
    if (typeof other === 'number') throw busy(file, `process ${other}`);
    if (other === 'dead') throw busy(claim, 'one that ended in the act', `rm ${claim}`);
    return false;
  }
  try {
    if ((await holderOf(file)) !== 'dead') return false;
    await rename(mine, file);
    return true;
  } finally {
    await rm(claim, { force: true });
  }
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

/** The process that holds a lock. */
async function holderOf(file: string): Promise<number | 'dead' | 'none'> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return 'none';
  const owner = ownerSchema.safeParse(parse(text));
  return owner.success && !hasEnded(owner.data) ? owner.data.pid : 'dead';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function busy(
  thing: string,
  found: string,
  next: string = 'wait for its end, or name another --directory',
): VfleetError {
  return new VfleetError({
    code: 'lab.vm-busy',
    thing,
    expected: 'no other vfleet at work on these nodes',
    found,
    next,
  });
}
