import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layout, partitionTable } from './partition-table.ts';

/** Debian 11, 12 and 13. */
export type Suite = 'bullseye' | 'bookworm' | 'trixie';
export type Firmware = 'bios' | 'uefi';

/** What an image is made of, beside the files of `imageFolder`. */
export interface Recipe {
  readonly suite: Suite;
  readonly firmware: Firmware;
  /** Default: GRUB. systemd-boot needs UEFI. */
  readonly loader?: 'systemd-boot';
  /** Default: initramfs-tools. With dracut it also has driverctl, as hosts of its distributions do. */
  readonly initramfs?: 'dracut';
}

/** Hooks and units that go into an image; reached from `src` and from `dist` alike, as they are not compiled. */
export const imageFolder = fileURLToPath(new URL('../../../src/lab/vm/image/', import.meta.url));

/** What every node has: what a Debian server has, as far as provisioning it goes, and nothing that only costs boot time. */
const common = (initramfs: readonly string[]): readonly string[] => [
  ...['linux-image-amd64', ...initramfs, 'e2fsprogs', 'kmod', 'udev', 'systemd-sysv', 'dbus'],
  ...['openssh-server', 'sudo', 'iproute2', 'pciutils', 'procps'],
];

/** As small as that of initramfs-tools is made in `before-packages`. Source: dracut.conf(5), `drivers`, `dracutmodules`. */
const dracutConfiguration = [
  'hostonly=no',
  'compress=gzip',
  'dracutmodules=" base kernel-modules rootfs-block fs-lib systemd systemd-initrd udev-rules shutdown "',
  'drivers=" virtio_pci virtio_blk nvme ext4 crc32c_generic "',
].join('\\n');
const dracutHook = `mkdir -p "$1/etc/dracut.conf.d" && printf '${dracutConfiguration}\\n' >"$1/etc/dracut.conf.d/lab-node.conf"`;

/** As the installer chooses them. */
const loaders: Readonly<Record<Firmware, readonly string[]>> = {
  bios: ['grub-pc'],
  uefi: ['grub-efi-amd64', 'grub-efi-amd64-signed', 'shim-signed', 'dosfstools'],
};
const systemdBoot = ['systemd-boot', 'dosfstools'];

/** Documentation and translations: a third of the file system, and no part of what a node does. */
const leftOut = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*'];

/** `debian-bookworm-bios`, for people. */
export function recipeName({ suite, firmware, loader, initramfs }: Recipe): string {
  return `debian-${suite}-${initramfs ?? loader ?? firmware}`;
}

/** Arguments of mmdebstrap that do not change with the machine: part of the image's identity. Source: mmdebstrap(1). */
export function bootstrapArguments({ suite, firmware, loader, initramfs }: Recipe): readonly string[] {
  const tools = common(initramfs === 'dracut' ? ['dracut', 'driverctl'] : ['initramfs-tools']);
  return [
    '--variant=minbase',
    '--format=null',
    ...(initramfs === 'dracut' ? [`--essential-hook=${dracutHook}`] : []),
    `--include=${[...tools, ...(loader === undefined ? loaders[firmware] : systemdBoot)].join(',')}`,
    '--aptopt=Acquire::Languages "none"',
    ...leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    suite,
  ];
}

/** What names an image in the cache: two recipes with one digest make the same image, but for newer packages. */
export async function recipeDigest(recipe: Recipe, folder: string = imageFolder): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([recipe, bootstrapArguments(recipe), layout, partitionTable(recipe.firmware)]));
  for (const name of (await readdir(folder)).sort()) {
    hash.update(`\0${name}\0`).update(await readFile(join(folder, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
