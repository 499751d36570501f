import { didYouMean } from '../../nearest.ts';
import type { Firmware, Recipe, Suite } from './recipe.ts';

/** Whose IOMMU a node has. The processor says that it is of the same vendor, as on real boards. */
export type Vendor = 'intel' | 'amd';

/** A test node that can be had: an image, and the machine around it. */
export interface VmKind {
  readonly name: string;
  readonly recipe: Recipe;
  readonly vendor: Vendor;
  /** `false`: as with VT-d or AMD-Vi off in the firmware; no ACPI table tells of an IOMMU. */
  readonly iommu: boolean;
  readonly rootDisk: 'virtio' | 'nvme';
}

/** Kernel of each suite: 5.10 and 6.1 have the module `vfio_virqfd`, 6.12 has it no more. */
const suites: Readonly<Record<string, Suite>> = {
  'debian-11': 'bullseye',
  'debian-12': 'bookworm',
  'debian-13': 'trixie',
};
const vendors = ['intel', 'amd'] as const;
const firmwares = ['bios', 'uefi'] as const;

/**
 * Every kind: each release with each IOMMU and each firmware; with VT-d off; with the root disk on NVMe, where a playbook
 * that takes NVMe disks away must see that this one is the node's own; started by systemd-boot in the place of GRUB; and one
 * whose initramfs is dracut's.
 */
export const vmKinds: readonly VmKind[] = Object.entries(suites).flatMap(([release, suite]) => [
  ...vendors.flatMap((vendor) => firmwares.map((firmware) => kind(release, suite, vendor, firmware))),
  { ...kind(release, suite, 'intel', 'bios'), name: `${release}-vtd-off`, iommu: false },
  { ...kind(release, suite, 'intel', 'uefi'), name: `${release}-nvme-root`, rootDisk: 'nvme' as const },
  // Debian 11 has no package of it that installs kernels.
  ...(suite === 'bullseye'
    ? []
    : [
        {
          ...kind(release, suite, 'intel', 'uefi'),
          name: `${release}-systemd-boot`,
          recipe: { suite, firmware: 'uefi', loader: 'systemd-boot' } as const,
        },
      ]),
  ...(suite === 'bookworm'
    ? [
        {
          ...kind(release, suite, 'intel', 'uefi'),
          name: `${release}-dracut`,
          recipe: { suite, firmware: 'uefi', initramfs: 'dracut' } as const,
          rootDisk: 'nvme' as const,
        },
      ]
    : []),
]);

function kind(release: string, suite: Suite, vendor: Vendor, firmware: Firmware): VmKind {
  return {
    name: `${release}-${vendor}-${firmware}`,
    recipe: { suite, firmware },
    vendor,
    iommu: true,
    rootDisk: 'virtio',
  };
}

/** The kind of that name, or what to say of a name that is none. */
export function findVmKind(name: string): VmKind | string {
  const found = vmKinds.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = vmKinds.map((one) => one.name);
  return `no kind of node ${name}${didYouMean(name, names) || `; there are ${names.join(', ')}`}`;
}
