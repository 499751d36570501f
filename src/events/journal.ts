import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VfleetError } from '../errors.ts';
import type { Stamped } from './event.ts';
import { headerLine, printLine } from './journal-line.ts';
import { type JournalContent, readJournal } from './read-journal.ts';

/** The events of one run on disk, one JSON line each, in the order in which they were appended. */
export interface Journal {
  readonly path: string;
  /** Takes an event; it is written soon, before any that is appended later. */
  append(event: Stamped): void;
  /**
   * Resolves when all that was appended is on disk. Calls that wait at the same time share one fsync.
   * Errors: `journal.write` when the disk is full or fails; from then on always, as nothing more is recorded.
   */
  sync(): Promise<void>;
  /** Puts all on disk and closes the file. Errors: `journal.write`. */
  close(): Promise<void>;
}

/** What a journal needs of its open file; a `FileHandle` is one. */
export interface JournalFile {
  appendFile(text: string): Promise<unknown>;
  datasync(): Promise<unknown>;
  close(): Promise<unknown>;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: VfleetError) => void;
}

/**
 * Opens the journal of a new run: `journal.jsonl` in a folder that is made with mode 0700, the file with mode 0600.
 * Errors: `journal.exists`, `journal.open`.
 */
export async function openJournal(folder: string): Promise<Journal> {
  const path = join(folder, 'journal.jsonl');
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(path, 'ax', 0o600);
    try {
      await file.appendFile(headerLine);
      await file.datasync();
      // The name of a new file is in its folder, and the name of a new folder in the one above.
      await syncFolder(folder);
      await syncFolder(dirname(folder));
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    return journalOn(file, path);
  } catch (thrown) {
    throw cannotOpen(path, thrown);
  }
}

/**
 * Opens the journal of a run to go on with it, and gives what it holds. A torn last line announced nothing that was done:
 * it is cut off on disk first. The caller holds the lock of the run. Errors: those of `readJournal`, `journal.open`.
 */
export async function continueJournal(
  folder: string,
): Promise<{ readonly journal: Journal; readonly content: JournalContent }> {
  const path = join(folder, 'journal.jsonl');
  const content = await readJournal(path);
  try {
    const file = await open(path, 'r+');
    try {
      await file.truncate(content.size);
      await endLastLine(file, content.size);
      await file.sync();
    } finally {
      await file.close();
    }
    return { journal: journalOn(await open(path, 'a'), path), content };
  } catch (thrown) {
    throw cannotOpen(path, thrown);
  }
}

/** A whole line may lack its line end, and the next one must not be put on it. */
async function endLastLine(file: FileHandle, size: number): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
  if (size > 0 && buffer[0] !== 10) await file.write('\n', size);
}

/** A journal that appends to an open file. */
export function journalOn(file: JournalFile, path: string): Journal {
  return new AppendingJournal(file, path);
}

class AppendingJournal implements Journal {
  readonly path: string;
  readonly #file: JournalFile;
  #lines: string[] = [];
  #waiting: Waiting[] = [];
  #unsynced = false;
  #working = false;
  #failure: VfleetError | undefined;
  #closing: Promise<void> | undefined;

  constructor(file: JournalFile, path: string) {
    this.#file = file;
    this.path = path;
  }

  append(event: Stamped): void {
    if (this.#closing !== undefined) throw new Error(`append to the closed journal ${this.path}`);
    if (this.#failure !== undefined) return;
    this.#lines.push(printLine(event));
    this.#wake();
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#wake();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#file.close();
    }
  }

  // Waits for the end of the event loop's turn, so that all hosts that announce something in it share one fsync.
  #wake(): void {
    if (this.#working) return;
    this.#working = true;
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    while (this.#failure === undefined && (this.#lines.length > 0 || this.#waiting.length > 0)) {
      const lines = this.#lines.splice(0);
      const waiting = this.#waiting.splice(0);
      try {
        await this.#write(lines, waiting.length > 0);
        for (const { resolve } of waiting) resolve();
      } catch (thrown) {
        // A line may now be torn, and an fsync that failed once tells nothing when it is repeated: never go on.
        this.#fail(cannotWrite(this.path, thrown), waiting);
      }
    }
    this.#working = false;
  }

  async #write(lines: readonly string[], synced: boolean): Promise<void> {
    if (lines.length > 0) {
      this.#unsynced = true;
      await this.#file.appendFile(lines.join(''));
    }
    if (synced && this.#unsynced) {
      await this.#file.datasync();
      this.#unsynced = false;
    }
  }

  #fail(failure: VfleetError, waiting: readonly Waiting[]): void {
    this.#failure = failure;
    this.#lines = [];
    for (const { reject } of [...waiting, ...this.#waiting.splice(0)]) reject(failure);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function cannotOpen(path: string, thrown: unknown): VfleetError {
  if (errorCode(thrown) === 'EEXIST') {
    const next = 'start the run again: it gets a folder of its own';
    return new VfleetError({ code: 'journal.exists', thing: path, expected: 'no journal yet', found: 'one', next });
  }
  return new VfleetError({
    code: 'journal.open',
    thing: path,
    expected: 'a journal that can be written',
    found: reason(thrown),
    next: errorCode(thrown) === 'ENOSPC' ? 'free space there' : 'make its folder writable, or set XDG_STATE_HOME',
    cause: thrown,
  });
}

function cannotWrite(path: string, thrown: unknown): VfleetError {
  return new VfleetError({
    code: 'journal.write',
    thing: path,
    expected: 'every act recorded before it is done',
    found: reason(thrown),
    next: errorCode(thrown) === 'ENOSPC' ? 'free space there and run again' : 'look at that disk and run again',
    cause: thrown,
  });
}

function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
