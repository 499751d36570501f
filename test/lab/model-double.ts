import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { MachineKind, MachineModel } from '../../src/lab/machine.ts';

/** A stand-in for the machine model, for tests of the lab's mechanics: a boot file, a command line, two power tools. */
export const modelDouble: MachineModel = {
  async furnish(root) {
    await writeFile(path.join(root, 'etc/motd'), 'hello\n');
    await writeFile(path.join(root, 'boot/arguments'), 'quiet\n');
    await mkdir(path.join(root, 'usr/sbin'), { recursive: true });
    for (const wish of ['reboot', 'poweroff']) {
      const tool = `#!/bin/sh\necho ${wish} >/run/lab/power\n`;
      await writeFile(path.join(root, 'usr/sbin', wish), tool, { mode: 0o755 });
    }
  },
  async boot(root) {
    const text = await readFile(path.join(root, 'boot/arguments'), 'utf8').catch(() => null);
    if (text === null) return { kind: 'dead', reason: 'no boot file' };
    const bootId = randomUUID();
    await writeFile(path.join(root, 'proc/cmdline'), text);
    await writeFile(path.join(root, 'proc/boot_id'), `${bootId}\n`);
    return { kind: 'up', bootId };
  },
};

/** A machine kind for the double, which looks at nothing but the name. */
export function kindDouble(name = 'double'): MachineKind {
  return {
    name,
    folder: '/nonexistent',
    settings: {
      version: 1,
      title: name,
      distribution: { id: 'debian', idLike: [], versionId: '12', prettyName: 'Double' },
      architecture: 'x86_64',
      firmware: {
        kind: 'bios',
        iommuTable: 'none',
        interruptRemapping: false,
        virtualIommu: false,
        secureBoot: false,
        vendor: 'x',
        product: 'x',
      },
      cpu: { vendorId: 'GenuineIntel', model: 'x', flags: [], count: 1 },
      memoryKiB: 1,
      numaNodes: 1,
      tools: { systemd: 252, kmod: 30, grub: '2.06' },
      initramfs: 'initramfs-tools',
      filesystems: [],
      rootNeeds: [],
      kernels: [],
      boot: { loader: 'update-grub', config: '/boot/grub/grub.cfg', first: '/boot/grub/grub.cfg' },
      log: { restricted: false, wrapped: false },
      pci: [],
    },
  };
}
