import type { Vendor } from './kind.ts';

/** What a device needs from around it. */
export interface DeviceSurroundings {
  /** Folder of the node: disks of devices are in it. */
  readonly folder: string;
  /** Models that this QEMU has. */
  readonly models: ReadonlySet<string>;
  /** Whose IOMMU translates for the devices; `null`: none does. */
  readonly iommu: Vendor | null;
  /** Whether one of the devices that share a group is of use to the host: a network card. */
  readonly sharedCard: boolean;
}

/** Size of the disks that are there to be given away, in MiB. */
export const spareSize = 64;

/** Files that the devices have as disks, in the node's folder. */
export const spareDisks = ['nvme.raw', 'nvme-sriov.raw', 'usb.raw'] as const;

/**
 * The devices to give away, each behind a root port of its own, where the address never changes: buses 01 and on follow
 * the slots of the ports. What shares a bridge shares an IOMMU group.
 * Source: QEMU docs/pcie.txt; docs/system/devices/nvme.rst; docs/system/devices/igb.rst.
 */
export function deviceArguments(around: DeviceSurroundings): readonly string[] {
  const { folder } = around;
  return [
    ...port(1, '10.0'),
    ...['-device', 'e1000e,bus=port1,romfile=,mac=52:54:00:00:01:00'],
    ...port(2, '11.0'),
    ...(doDma(around) ? [...disk('nvme', folder), '-device', 'nvme,bus=port2,serial=SPARE-NVME-1,drive=nvme'] : []),
    ...port(3, '12.0'),
    ...['-device', 'secondary-vga,bus=port3,romfile='],
    ...port(4, '13.0'),
    ...['-device', 'pcie-pci-bridge,id=shared,bus=port4'],
    ...['-device', 'edu,bus=shared,addr=1', '-device', 'edu,bus=shared,addr=2'],
    ...(around.sharedCard ? ['-device', 'e1000,bus=shared,addr=3,romfile=,mac=52:54:00:00:04:00'] : []),
    ...port(5, '14.0'),
    ...(doDma(around) ? usb(folder) : []),
    ...port(6, '15.0'),
    ...['-chardev', 'null,id=spare', '-device', 'pci-serial,bus=port6,chardev=spare'],
    ...port(7, '16.0'),
    ...virtualFunctions(around),
  ];
}

/**
 * QEMU's AMD IOMMU loses what an emulated NVMe or xHCI controller writes to memory, unless the kernel has `iommu=pt`: the
 * driver waits a minute at boot and gives up. Seen with QEMU 7.2 and Linux 6.1 and 6.12, with and without interrupt remapping.
 */
function doDma({ iommu }: DeviceSurroundings): boolean {
  return iommu !== 'amd';
}

function usb(folder: string): readonly string[] {
  return [
    ...['-device', 'qemu-xhci,id=usb,bus=port5', '-device', 'usb-tablet,bus=usb.0,port=1'],
    ...disk('usb', folder),
    ...['-device', 'usb-storage,bus=usb.0,port=2,drive=usb,serial=SPARE-USB-1'],
  ];
}

/** The network card that has virtual functions came with QEMU 8.0; before, NVMe has them, since 7.1. */
function virtualFunctions(around: DeviceSurroundings): readonly string[] {
  const { folder, models } = around;
  if (models.has('igb')) return ['-device', 'igb,bus=port7,romfile=,mac=52:54:00:00:07:00'];
  if (!doDma(around)) return [];
  return [
    ...['-device', 'nvme-subsys,id=subsystem'],
    '-device',
    'nvme,id=sriov,bus=port7,serial=SPARE-SRIOV-1,subsys=subsystem,' +
      'sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4',
    ...disk('nvme-sriov', folder),
    ...['-device', 'nvme-ns,bus=sriov,drive=nvme-sriov'],
  ];
}

/** A root port: what is behind it alone is alone in its group. */
function port(number: number, address: string): readonly string[] {
  return ['-device', `pcie-root-port,id=port${number},bus=pcie.0,addr=${address},chassis=${number},slot=${number}`];
}

function disk(name: string, folder: string): readonly string[] {
  return ['-drive', `file=${escaped(`${folder}/${name}.raw`)},format=raw,if=none,id=${name}`];
}

/** A comma in an option's value is doubled. Source: qemu(1), "-drive". */
export function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
