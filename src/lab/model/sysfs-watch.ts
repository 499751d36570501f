import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';

/** What is told of a write: `notice` of a file in a folder, `sweep` where it is not known which. */
export interface Watching {
  readonly notice: (folder: string, name: string) => void;
  readonly sweep: () => void;
}

/** Watches folders of a node for writes to the files in them. */
export class SysfsWatch {
  readonly #root: string;
  readonly #watching: Watching;
  readonly #watchers = new Map<string, FSWatcher | null>();
  #timer: NodeJS.Timeout | null = null;

  constructor(root: string, watching: Watching) {
    this.#root = root;
    this.#watching = watching;
  }

  /** Watches these folders, and no others. Gives those that were not watched before. */
  cover(folders: readonly string[]): readonly string[] {
    const wanted = new Set(folders);
    for (const folder of [...this.#watchers.keys()]) if (!wanted.has(folder)) this.forget(folder);
    const fresh = [...wanted].filter((folder) => !this.#watchers.has(folder));
    for (const folder of fresh) this.#watchers.set(folder, this.#watch(folder));
    return fresh;
  }

  /** Watches a folder no more: it is gone, or another one has its name. */
  forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher?.close();
    this.#watchers.clear();
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** `null`: watches are used up. All is then looked at five times a second. */
  #watch(folder: string): FSWatcher | null {
    const { notice, sweep } = this.#watching;
    try {
      const watcher = watch(path.join(this.#root, folder), (_event, name) =>
        name === null ? sweep() : notice(folder, name),
      );
      watcher.on('error', () => {});
      return watcher;
    } catch {
      this.#timer ??= setInterval(sweep, 200);
      return null;
    }
  }
}
