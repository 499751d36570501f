import { alike, type DiskImage, differences, type Entry } from './disk-image.ts';

/**
 * What a cut takes of what was written and not synced: `nothing` (all of it had reached the disk), `everything` (none of
 * it had), `anything` (by chance: each folder as it was at some moment since its last sync, each file whole, old, empty
 * or torn).
 */
export type Loss = 'nothing' | 'everything' | 'anything';

/**
 * The states that a disk has gone through, and what of them is safe. A rename is atomic, and the changes of one folder reach
 * the disk in their order, as journals of file systems keep it; but no order is kept between folders, or between a name
 * and the content behind it: only fsync(2) of the file makes its content safe, and only that of its folder its name.
 */
export class DiskHistory {
  readonly #states: DiskImage[];
  readonly #synced = new Map<string, number>();
  #allSynced = 0;

  constructor(first: DiskImage) {
    this.#states = [first];
  }

  get now(): DiskImage {
    return this.#states.at(-1) ?? new Map();
  }

  /** Adds what is on the disk now; tells whether anything is new. */
  note(image: DiskImage): boolean {
    const isNew = differences(this.now, image).length > 0;
    this.#states.push(image);
    return isNew;
  }

  /** Everything is safe: sync(1) without operands, and an orderly shutdown. */
  syncAll(): void {
    this.#allSynced = this.#states.length - 1;
  }

  /** One file or folder is safe: sync(1) calls fsync(2) on it. */
  sync(path: string): void {
    const at = path.replace(/(?<=.)\/+$/, '');
    const entry = this.now.get(at);
    if (entry === undefined) return;
    this.#synced.set(entry.kind === 'folder' ? at : entry.id, this.#states.length - 1);
  }

  /** All below a folder is safe as it was before the last look: umount(8). */
  syncBelow(folder: string): void {
    const state = Math.max(this.#states.length - 2, 0);
    for (const [at, entry] of this.#states[state] ?? this.now) {
      if (at !== folder && !at.startsWith(`${folder}/`)) continue;
      this.#synced.set(entry.kind === 'folder' ? at : entry.id, state);
    }
  }

  /** What is on the disk after a cut now. */
  afterCut(loss: Loss, random: () => number): DiskImage {
    const left = new Map<string, Entry>();
    const contents = new Map<string, Entry>();
    const enter = (folder: string): void => {
      const since = this.#syncedAt(folder);
      const state = this.#states[choose(loss, since, this.#states.length - 1, random)] ?? this.now;
      for (const [at, entry] of indexOf(state).children.get(folder) ?? []) {
        const kept = contents.get(entry.id) ?? this.#contentAfter(entry, loss, random);
        contents.set(entry.id, kept);
        left.set(at, kept);
        if (kept.kind === 'folder') enter(at);
      }
    };
    enter('/');
    return left;
  }

  #syncedAt(key: string): number {
    return Math.max(this.#allSynced, this.#synced.get(key) ?? 0);
  }

  #contentAfter(entry: Entry, loss: Loss, random: () => number): Entry {
    if (entry.kind !== 'file') return entry;
    const since = this.#syncedAt(entry.id);
    const versions: Entry[] = [];
    for (const state of this.#states.slice(since)) {
      const version = indexOf(state).byId.get(entry.id);
      const last = versions.at(-1);
      if (version !== undefined && (last === undefined || !alike(last, version))) versions.push(version);
    }
    // A file that was not there at the last sync of everything begins empty.
    if (!indexOf(this.#states[since] ?? this.now).byId.has(entry.id))
      versions.unshift({ ...entry, bytes: Buffer.alloc(0) });
    const version = versions[choose(loss, 0, versions.length - 1, random)] ?? entry;
    const isTorn = loss === 'anything' && versions.length > 1 && random() < 0.5;
    if (!isTorn || version.kind !== 'file') return version;
    return { ...version, bytes: version.bytes.subarray(0, Math.floor(random() * version.bytes.length)) };
  }
}

function choose(loss: Loss, oldest: number, newest: number, random: () => number): number {
  if (loss === 'nothing') return newest;
  return loss === 'everything' ? oldest : oldest + Math.floor(random() * (newest - oldest + 1));
}

/** What is in each folder of an image, and what is where by its identity. */
interface Index {
  readonly children: ReadonlyMap<string, readonly (readonly [string, Entry])[]>;
  readonly byId: ReadonlyMap<string, Entry>;
}

const indexes = new WeakMap<DiskImage, Index>();

function indexOf(image: DiskImage): Index {
  const known = indexes.get(image);
  if (known !== undefined) return known;
  const children = groupBy(image, (at) => at.slice(0, at.lastIndexOf('/')) || '/');
  const index = { children, byId: new Map([...image.values()].map((entry) => [entry.id, entry])) };
  indexes.set(image, index);
  return index;
}

function groupBy(image: DiskImage, keyOf: (at: string) => string): ReadonlyMap<string, readonly [string, Entry][]> {
  const groups = new Map<string, [string, Entry][]>();
  for (const [at, entry] of image) {
    const key = keyOf(at);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [[at, entry]]);
    else group.push([at, entry]);
  }
  return groups;
}
