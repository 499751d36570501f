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
  for (let at: string | null = address; at !== null && !way.includes(at); ) {
    way.unshift(at);
    const detail: PciDetail | undefined = hardware?.pci[at];
    if (detail === undefined) return `*/${way.join('/')}`;
    at = detail.parent;
  }
  const [first = address] = way;
  return `*/pci${first.slice(0, first.indexOf(':'))}:??/${way.join('/')}`;
}
