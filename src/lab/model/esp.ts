import type { MachineSettings } from '../machine.ts';
import type { Disk } from './disk.ts';
import { modelFolder } from './journal.ts';
import { folder } from './layout.ts';

/** Where the files of a partition are that is not mounted. */
export function partitionFolder(uuid: string): string {
  return `${modelFolder}/partitions/${uuid}`;
}

/** The EFI system partitions in the order in which the firmware tries them, as folders of the tree. */
export function systemPartitions({ boot }: MachineSettings): readonly string[] {
  if (boot.unmounted !== undefined) return boot.unmounted.map(({ uuid }) => partitionFolder(uuid));
  return [boot.config.replace(/\/loader\/loader\.conf$/, '')];
}

/** The path of a file on a partition, found without regard to case, as vfat does; `null`: there is none. */
export function findOnPartition(disk: Disk, partition: string, path: string): string | null {
  let at = partition;
  for (const part of path.split(/[/\\]+/).filter((item) => item !== '')) {
    const name = disk.list(at).find((item) => item.toLowerCase() === part.toLowerCase());
    if (name === undefined) return null;
    at = `${at}/${name}`;
  }
  return disk.size(at) === null ? null : at;
}

/** What the stand-in of mount(8) has copied to a mount point is not there after a boot. */
export function forgetMounts(disk: Disk, { filesystems }: MachineSettings): void {
  for (const line of (disk.read('/proc/self/mounts') ?? '').split('\n')) {
    const [source = '', mount = '', type] = line.split(' ');
    if (type !== 'vfat' || !source.startsWith('/dev/') || filesystems.some((item) => item.mount === mount)) continue;
    disk.remove(mount);
    disk.lay(new Map([[mount, folder()]]));
  }
}
