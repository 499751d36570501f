import { VfleetError } from '../errors.ts';
import type { Cell } from './cell.ts';
import { type Faults, fullFolders } from './faults.ts';
import { type FullDisk, fillDisk } from './full-disk.ts';

/**
 * A remount keeps the options that the mount has: inside a user namespace they are locked.
 * Source: mount_namespaces(7), "Restrictions on mount namespaces".
 */
const remountScript = `wanted=$(printf '%s' "$1" | sed 's/ /\\\\040/g')
while read -r id parent device top point options rest; do
  [ "$point" != "$wanted" ] || found=$options
done </proc/self/mountinfo
mount -o "remount,bind,$2,\${found#*,}" "$1"`;

/** What is wrong with the disk of a running node. */
export class DiskFaults {
  readonly #cell: Cell;
  #full: FullDisk | null = null;
  #readOnly = false;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Makes the disk as faulty as wished. Errors: `lab.fault-needs-mounts`, `lab.fault-folder`, `lab.mount`. */
  async set(faults: Faults): Promise<void> {
    const folders = fullFolders(faults);
    const readOnly = faults.readOnly ?? false;
    const same = folders.join(':') === (this.#full?.folders ?? []).join(':');
    if (same && readOnly === this.#readOnly) return;
    const { mounts } = this.#cell;
    if (mounts === null) throw needsMounts(readOnly ? 'readOnly' : 'fullDisk');
    if (!same) {
      await this.#full?.release();
      this.#full = null;
      if (folders.length > 0) this.#full = await fillDisk({ ...this.#cell, mounts }, folders);
    }
    if (readOnly === this.#readOnly) return;
    await mounts(remountScript, this.#cell.root, readOnly ? 'ro' : 'rw');
    this.#readOnly = readOnly;
  }

  /** Kills the node's processes; what they have written stays. */
  async kill(): Promise<void> {
    const kill = () => this.#cell.kill();
    await (this.#full === null ? kill() : this.#full.keepThrough(kill));
  }

  /** Kills them without waiting; `kill` must follow where what was written to a full disk matters. */
  killNow(): void {
    if (this.#full === null) this.#cell.killNow();
  }
}

function needsMounts(fault: string): VfleetError {
  return new VfleetError({
    code: 'lab.fault-needs-mounts',
    thing: `fault ${fault}`,
    expected: 'a lab that may mount',
    found: 'chroot only',
    next: 'run the lab where mount namespaces are allowed (in a container: with CAP_SYS_ADMIN)',
  });
}
