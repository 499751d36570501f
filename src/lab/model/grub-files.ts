import type { MachineFilesystem } from '../machine.ts';
import type { Disk } from './disk.ts';

/** The partitions as GRUB sees them: each by itself, without what is mounted over it. */
export interface GrubFiles {
  /** Path in the node's tree of `(hd0,gpt2)/vmlinuz`, or of `/vmlinuz` on the device `root`; `null`: no such place. */
  locate(path: string, root: string): string | null;
  /** GRUB's name of the file system with this UUID, or with this file on it. */
  byUuid(uuid: string): string | null;
  byFile(path: string): string | null;
  /** The device and the path on it of a place in the tree. */
  nameOf(path: string): { readonly device: string; readonly path: string };
  /** Whether GRUB can write there: not on LVM (grub-core/commands/loadenv.c, `check_blocklists`). */
  writable(device: string): boolean;
  readonly disk: Disk;
}

/** GRUB's view of a node's file systems. */
export function grubFiles(disk: Disk, filesystems: readonly MachineFilesystem[]): GrubFiles {
  const owner = (path: string): MachineFilesystem | undefined =>
    filesystems
      .filter(({ mount }) => mount === '/' || path === mount || path.startsWith(`${mount}/`))
      .sort((a, b) => b.mount.length - a.mount.length)[0];
  const locate = (path: string, root: string): string | null => {
    const match = /^\(([^)]*)\)(.*)$/.exec(path);
    const device = match?.[1] ?? root;
    const filesystem = filesystems.find(({ grub }) => grub === device);
    if (filesystem === undefined) return null;
    const at = `${filesystem.mount === '/' ? '' : filesystem.mount}/${(match?.[2] ?? path).replace(/^\/+/, '')}`;
    return owner(at) === filesystem ? at : null;
  };
  return {
    disk,
    locate,
    byUuid: (uuid) => filesystems.find((item) => item.uuid.toLowerCase() === uuid.toLowerCase())?.grub ?? null,
    byFile: (path) =>
      filesystems.find(({ grub }) => {
        const at = locate(path, grub);
        return at !== null && disk.size(at) !== null;
      })?.grub ?? null,
    nameOf(path) {
      const filesystem = owner(path);
      const mount = filesystem?.mount ?? '/';
      return { device: filesystem?.grub ?? '', path: mount === '/' ? path : path.slice(mount.length) };
    },
    writable: (device) => !device.startsWith('lvm'),
  };
}
