import type { Facts } from '../facts/facts.ts';

/** What the kernel has logged of devices that vfio-pci does not get or guests cannot have, and what helps against it. */
export interface BoundLog {
  readonly lines: readonly string[];
  readonly remedies: readonly string[];
}

/**
 * Lines of the kernel log that say why VFIO cannot have devices: a refusal of vfio-pci with -EINVAL, as where there is no IOMMU
 * group (drivers/vfio), which is history once all are `held`; and memory that the firmware keeps for the device, told only when
 * a guest starts (drivers/iommu/intel/iommu.c; since 6.6 in other words, drivers/iommu/iommu.c).
 */
export function boundLog({ log, iommu }: Facts, addresses: readonly string[], held: boolean): BoundLog {
  const about = (log.lines ?? []).filter((line) => addresses.some((address) => line.includes(address)));
  const reserved = about.filter((line) =>
    /ineligible for IOMMU domain attach|requested this device have a 1:1 IOMMU mapping/.test(line),
  );
  const rejected = held ? [] : about.filter((line) => /vfio-pci\b.* failed with error -22\b/.test(line));
  const isOff = iommu.groups.length === 0;
  return {
    lines: [...new Set([...reserved, ...rejected])].map((line) => `kernel log: ${line}`),
    remedies: [
      ...(reserved.length > 0 ? [reservedRemedy] : []),
      ...(rejected.length > 0 && isOff ? ['turn the IOMMU on first: see the check iommu-active'] : []),
    ],
  };
}

const reservedRemedy =
  'the firmware keeps memory for the device (RMRR): turn that off for its slot with a tool of the vendor of the machine, update the firmware, or use another slot';
