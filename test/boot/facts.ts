import type { BootFacts, Facts } from '../../src/facts/facts.ts';

/** Facts of an ordinary Intel host, with what a test is about put in. Constructed. */
export function factsOf(given: {
  readonly boot?: Partial<BootFacts>;
  readonly kernel?: Partial<Facts['kernel']>;
  readonly modules?: Partial<Facts['modules']>;
  readonly setup?: Facts['setup'];
  readonly hardware?: Facts['hardware'];
  readonly pci?: Facts['pci'];
  readonly os?: Partial<Facts['os']>;
}): Facts {
  return {
    identity: { hostname: 'node01', machineId: '0123', bootId: 'b1', root: true },
    os: { id: 'debian', idLike: [], versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)', ...given.os },
    architecture: 'x86_64',
    cpu: { vendor: 'intel', vendorId: 'GenuineIntel', model: 'Xeon', flags: ['vmx'], count: 8, hypervisor: false },
    memory: { totalKiB: 67108864, availableKiB: 60000000, hugepages: [] },
    firmware: { kind: 'bios', secureBoot: false, lockdown: 'none' },
    kernel: { running: '6.1.0-18-amd64', installed: ['6.1.0-18-amd64'], next: '6.1.0-18-amd64', ...given.kernel },
    iommu: { firmware: 'DMAR', units: [], groups: [], interruptRemapping: null },
    boot: {
      loader: 'update-grub',
      loaderEvidence: '/usr/sbin/update-grub, /boot/grub/grub.cfg',
      configPath: '/boot/grub/grub.cfg',
      entries: null,
      running: 'BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1 ro quiet',
      configured: null,
      initramfs: 'initramfs-tools',
      ...given.boot,
    },
    modules: { loaded: [], vfio: [], ...given.modules },
    pci: given.pci ?? [],
    guests: { qemu: [], libvirt: null },
    log: { lines: [], source: 'dmesg' },
    setup: given.setup ?? null,
    hardware: given.hardware ?? null,
  };
}
