import { join } from 'node:path';
import { VfleetError } from '../errors.ts';
import { takeLock } from '../lock/file-lock.ts';
import type { Stamped } from './event.ts';
import { continueJournal, type Journal, openJournal } from './journal.ts';

/** The folder of a run while this process is at work in it: nobody else is. */
export interface OpenRun {
  readonly folder: string;
  readonly journal: Journal;
  /** What earlier parts of the run have told. */
  readonly earlier: readonly Stamped[];
  /** Lets others go on with it. The journal is closed by whoever writes to it. */
  release(): Promise<void>;
}

/** The lock in the folder of a run. */
export function lockFile(folder: string): string {
  return join(folder, 'lock.json');
}

/** Makes the folder of a new run. Errors: `run.busy`, `journal.exists`, `journal.open`. */
export function beginRun(folder: string): Promise<OpenRun> {
  return locked(folder, async () => ({ journal: await openJournal(folder), earlier: [] }));
}

/**
 * Opens the folder of a run to go on with it. Errors: `run.busy` while another process is at work in it; those of
 * `continueJournal`.
 */
export function reopenRun(folder: string): Promise<OpenRun> {
  return locked(folder, async () => {
    const { journal, content } = await continueJournal(folder);
    return { journal, earlier: content.events };
  });
}

async function locked(folder: string, open: () => Promise<Pick<OpenRun, 'journal' | 'earlier'>>): Promise<OpenRun> {
  const lock = await takeLock(lockFile(folder)).catch((thrown: unknown) => {
    throw cannotLock(folder, thrown);
  });
  if (lock.kind === 'busy') {
    throw new VfleetError({
      code: 'run.busy',
      thing: lock.file,
      expected: 'no other vfleet at work on this run',
      found: lock.holder,
      next: lock.remedy ?? `wait for its end; if it has ended on another machine: rm ${lock.file}`,
    });
  }
  try {
    return { folder, ...(await open()), release: () => lock.release() };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

function cannotLock(folder: string, thrown: unknown): VfleetError {
  return new VfleetError({
    code: 'journal.open',
    thing: folder,
    expected: 'a journal that can be written',
    found: thrown instanceof Error ? thrown.message : String(thrown),
    next: 'make its folder writable, or set XDG_STATE_HOME',
    cause: thrown,
  });
}
