import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { hasEnded, type Owner, thisProcess } from './owner.ts';

const ownerSchema: z.ZodType<Owner> = z.object({
  pid: z.int(),
  started: z.string(),
  boot: z.string(),
  namespace: z.string(),
  machine: z.string().exactOptional(),
});

/** A lock that could not be had: who holds it, and in which file that stands. */
export interface Busy {
  readonly file: string;
  /** `process 4711`, `process 4711 on node7`. */
  readonly holder: string;
  /** What to do, where waiting does not help. */
  readonly remedy: string | null;
}

/** What takes a lock gives back, or why it could not. */
export type Taken = { readonly kind: 'taken'; release(): Promise<void> } | ({ readonly kind: 'busy' } & Busy);

/**
 * Takes a lock that holds as long as this process lives, also when it is killed: the file names the process, told apart from
 * a later one with the same id. One whose owner has ended is taken over; of those who try at once, one wins. The folder is
 * made with mode 0700.
 */
export async function takeLock(file: string): Promise<Taken> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // A link appears with its text: nobody reads a lock that says nothing yet, and takes it for a dead one.
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify(thisProcess()), { mode: 0o600 });
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (await linked(mine, file)) return taken(file);
      const holder = await holderOf(file);
      if (typeof holder === 'object') return busy(file, describe(holder));
      if (holder === 'none') continue;
      const over = await takeOver(mine, file);
      if (over === 'taken') return taken(file);
      if (typeof over === 'object') return over;
    }
    return busy(file, 'others that come again and again');
  } finally {
    await rm(mine, { force: true });
  }
}

/** Who holds a lock now; `null`: nobody that is alive. */
export async function lockHolder(file: string): Promise<string | null> {
  const holder = await holderOf(file);
  return typeof holder === 'object' ? describe(holder) : null;
}

function taken(file: string): Taken {
  return { kind: 'taken', release: () => rm(file, { force: true }) };
}

/** One takes over at a time, and only while it alone may, it looks again: the lock may by then be that of a living one. */
async function takeOver(mine: string, file: string): Promise<'taken' | 'again' | Taken> {
  const claim = `${file}.takeover`;
  if (!(await linked(mine, claim))) {
    const other = await holderOf(claim);
    if (typeof other === 'object') return busy(file, describe(other));
    if (other === 'dead') return busy(claim, 'one that ended in the act', `rm ${claim}`);
    return 'again';
  }
  try {
    if ((await holderOf(file)) !== 'dead') return 'again';
    await rename(mine, file);
    return 'taken';
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

async function holderOf(file: string): Promise<Owner | 'dead' | 'none'> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return 'none';
  const owner = ownerSchema.safeParse(parse(text));
  return owner.success && !hasEnded(owner.data) ? owner.data : 'dead';
}

function describe({ pid, machine }: Owner): string {
  return machine === undefined || machine === thisProcess().machine ? `process ${pid}` : `process ${pid} on ${machine}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function busy(file: string, holder: string, remedy: string | null = null): Taken {
  return { kind: 'busy', file, holder, remedy };
}
