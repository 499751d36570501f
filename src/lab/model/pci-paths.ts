import type { MachinePciDevice } from '../machine.ts';

/** Place of a device in `/sys/devices`: below its root bus, and below the bridges that it is behind. */
export function pciPath(devices: readonly MachinePciDevice[], address: string): string {
  const device = devices.find((item) => item.address === address);
  const above =
    device?.behind === undefined
      ? `/sys/devices/pci${address.slice(0, address.lastIndexOf(':'))}`
      : pciPath(devices, device.behind);
  return `${above}/${address}`;
}
