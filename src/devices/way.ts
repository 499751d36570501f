import type { Facts } from '../facts/facts.ts';
import type { PciDetail } from '../facts/hardware.ts';

/**
 * The end of a device's path in sysfs as a pattern of fnmatch(3), as udev matches `DEVPATH` with: from its root bus on, through
 * all bridges that it is behind, as far as these are known. Where a card is added, the numbers of buses shift, so that an address
 * may be another device's; what stays is the way through the bridges of the board. The number of the root bus is left open: for
 * virtual functions their own bus is another one.
 */
export function wayPattern({ hardware }: Facts, address: string): string {
  const way: string[] = [];
  for (let at: string = address; ; ) {
    way.unshift(at);
    const detail: PciDetail | undefined = hardware?.pci[at];
    if (detail === undefined) return `*/${way.join('/')}`;
    const { parent } = detail;
    if (parent === null || domainOf(parent) !== domainOf(at)) way.unshift(`pci${domainOf(at)}:??`);
    if (parent === null || way.includes(parent)) return `*/${way.join('/')}`;
    at = parent;
  }
}

function domainOf(address: string): string {
  return address.slice(0, address.indexOf(':'));
}
