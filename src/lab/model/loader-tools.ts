import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSettings } from '../machine.ts';
import { toolsFolder } from '../machine-kind.ts';
import { modelFolder } from './journal.ts';
import { below, type Entry, file, type Layout } from './layout.ts';

type Loader = MachineSettings['boot']['loader'];

/** Scripts by the place where a machine has them; those without a folder are read by others. */
const everywhere: Readonly<Record<string, string>> = {
  '/usr/bin/umount': 'umount',
  '/usr/bin/unshare': 'unshare',
  '/usr/bin/mountpoint': 'mountpoint',
  '/usr/sbin/blkid': 'blkid',
  'partition-table': 'partition-table',
};

const systemdBoot: Readonly<Record<string, string>> = {
  '/usr/bin/bootctl': 'bootctl',
  '/usr/bin/kernel-install': 'kernel-install',
  'boot-entries': 'boot-entries',
};

const byLoader: Partial<Record<Loader, Readonly<Record<string, string>>>> = {
  'systemd-boot': systemdBoot,
  'proxmox-boot-tool': {
    ...systemdBoot,
    '/usr/sbin/proxmox-boot-tool': 'proxmox-boot-tool',
    '/etc/kernel/postinst.d/zz-proxmox-boot': 'zz-proxmox-boot',
    '/etc/kernel/postinst.d/proxmox-auto-removal': 'proxmox-auto-removal',
    '/etc/initramfs/post-update.d/proxmox-boot-sync': 'proxmox-boot-sync',
    'proxmox-boot': 'proxmox-boot',
  },
  ostree: {
    '/usr/bin/rpm-ostree': 'rpm-ostree',
    'ostree-deployments': 'ostree-deployments',
    'ostree-finalize-staged': 'ostree-finalize-staged',
  },
};

/** The tools of boot loaders other than GRUB, those for partitions, and the table of partitions that they read. */
export async function loaderToolsLayout({ boot, filesystems }: MachineSettings): Promise<Layout> {
  const scripts = Object.entries({ ...everywhere, ...byLoader[boot.loader] }).map(
    async ([at, name]): Promise<[string, Entry]> => {
      const path = at.startsWith('/') ? at : `${modelFolder}/${at}`;
      return [path, file(await readFile(join(toolsFolder, name), 'utf8'), 0o755)];
    },
  );
  const rows = [
    ...filesystems.map(({ uuid, source, type, mount }) => [uuid, source, type, mount]),
    ...(boot.unmounted ?? []).map(({ uuid, source }) => [uuid, source, 'vfat', '-']),
  ];
  const table = rows.map((row) => `${row.join(' ')}\n`).join('');
  return new Map([...(await Promise.all(scripts)), ...below(modelFolder, { 'partitions.tab': file(table) })]);
}
