import type { Stamped } from '../../src/events/event.ts';
import type { JournalFile } from '../../src/events/journal.ts';

/** An open file in memory, with a disk that can be slow, full or broken. Counts what is asked of it. */
export class MemoryFile implements JournalFile {
  text = '';
  /** What has reached the disk. */
  synced = '';
  syncs = 0;
  closed = false;
  failSync = false;
  capacity: number;
  #gate: Promise<void> = Promise.resolve();
  #watchers: (() => void)[] = [];
  #asked = false;

  constructor({ capacity = Number.POSITIVE_INFINITY }: { readonly capacity?: number } = {}) {
    this.capacity = capacity;
  }

  async appendFile(text: string): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const room = this.capacity - this.text.length;
    this.text += text.slice(0, Math.max(0, room));
    this.#notify();
    if (text.length > room) {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
  }

  async datasync(): Promise<void> {
    this.syncs += 1;
    const text = this.text;
    this.#asked = true;
    this.#notify();
    await this.#gate;
    if (this.failSync) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
    this.synced = text;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  events(): readonly Stamped[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** From now on no fsync ends before the returned function is called. */
  holdSyncs(): () => void {
    const { promise, resolve } = withResolvers();
    this.#gate = promise;
    this.#asked = false;
    return resolve;
  }

  /** Resolves when an fsync has been asked for since `holdSyncs`. */
  syncAsked(): Promise<void> {
    return this.#until(() => this.#asked);
  }

  /** Resolves when the file holds a text. */
  written(text: string): Promise<void> {
    return this.#until(() => this.text.includes(text));
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = withResolvers();
      this.#watchers.push(resolve);
      await promise;
    }
  }

  #notify(): void {
    for (const resolve of this.#watchers.splice(0)) resolve();
  }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
