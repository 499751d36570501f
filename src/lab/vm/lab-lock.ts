import { join } from 'node:path';
import { VfleetError } from '../../errors.ts';
import { takeLock } from '../../lock/file-lock.ts';

/** Lets one command at a time change a lab. A lock whose owner has died is taken over. Errors: `lab.vm-busy`. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(join(folder, 'lock.json'));
  if (lock.kind === 'busy') {
    throw new VfleetError({
      code: 'lab.vm-busy',
      thing: lock.file,
      expected: 'no other vfleet at work on these nodes',
      found: lock.holder,
      next: lock.remedy ?? 'wait for its end, or name another --directory',
    });
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
