import { createHash } from 'node:crypto';
import type { MachineSettings } from '../machine.ts';
import type { Disk } from './disk.ts';
import { modelFolder } from './journal.ts';
import { type Entry, file, folder, type Layout, link } from './layout.ts';

/** Where the files of a partition are that is not mounted. */
export function partitionFolder(uuid: string): string {
  return `${modelFolder}/partitions/${uuid}`;
}

/** Where the stand-in of unshare(1) keeps what is mounted in each mount namespace. */
const namespaceFolder = `${modelFolder}/namespaces`;

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

/** What the stand-in of mount(8) has laid to a mount point is not there after a boot. */
export function forgetMounts(disk: Disk, { filesystems }: MachineSettings): void {
  const namespaces = disk.list(namespaceFolder).map((name) => `${namespaceFolder}/${name}`);
  const tables = ['/proc/self/mounts', ...namespaces].map((path) => disk.read(path) ?? '');
  disk.remove(namespaceFolder);
  for (const line of tables.join('\n').split('\n')) {
    const [source = '', mount = '', type] = line.split(' ');
    if (type !== 'vfat' || !source.startsWith('/dev/') || filesystems.some((item) => item.mount === mount)) continue;
    disk.remove(mount);
    disk.lay(new Map([[mount, folder()]]));
  }
}

/** A partition's own UUID, of which no machine kind says anything: made of that of its file system. */
export function partitionId(uuid: string): string {
  return createHash('sha256')
    .update(uuid)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** That of the system partition which is a folder of the tree; `null`: none of the machine's. */
export function systemPartitionId({ boot, filesystems }: MachineSettings, partition: string): string | null {
  const found = [
    ...(boot.unmounted ?? []).filter(({ uuid }) => partitionFolder(uuid) === partition),
    ...filesystems.filter(({ mount }) => mount === partition),
  ][0];
  return found === undefined ? null : partitionId(found.uuid);
}

/** Names of partitions as udev makes them: links by UUID, and in the place of block devices, which no node has, files. */
export function partitionNames(disk: Disk, { boot, filesystems }: MachineSettings): Layout {
  const there = (boot.unmounted ?? []).filter(({ uuid }) => {
    const at = partitionFolder(uuid);
    return disk.isFolder(at) || disk.size(at) !== null;
  });
  const plain = [...filesystems, ...there].filter(({ source }) => /^\/dev\/[a-z0-9]+$/.test(source));
  return new Map([
    ...(there.length > 0 ? [['/media', folder()] as const] : []),
    ...plain.flatMap(({ uuid, source }): [string, Entry][] => [
      [source, file('', 0o600)],
      [`/dev/disk/by-uuid/${uuid}`, link(`../..${source.slice('/dev'.length)}`)],
      [`/dev/disk/by-partuuid/${partitionId(uuid)}`, link(`../..${source.slice('/dev'.length)}`)],
    ]),
  ]);
}
