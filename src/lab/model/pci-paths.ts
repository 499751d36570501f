import type { MachinePciDevice } from '../machine.ts';

/**
 * Place of a device in `/sys/devices`: below its root bus, and below the bridges that it is behind. A VMD controller has a root bus
 * of its own below it, in a domain of its own (drivers/pci/controller/vmd.c).
 */
export function pciPath(devices: readonly MachinePciDevice[], address: string): string {
  const device = devices.find((item) => item.address === address);
  const root = `pci${address.slice(0, address.lastIndexOf(':'))}`;
  if (device?.behind === undefined) return `/sys/devices/${root}/${address}`;
  const above = pciPath(devices, device.behind);
  return domainOf(address) === domainOf(device.behind) ? `${above}/${address}` : `${above}/${root}/${address}`;
}

function domainOf(address: string): string {
  return address.slice(0, address.indexOf(':'));
}
