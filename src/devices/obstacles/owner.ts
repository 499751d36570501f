import type { Facts, PciDevice } from '../../facts/facts.ts';

/** Where something hangs: on a PCI device, on a port of USB. */
export interface Hanging {
  readonly pci: string | null;
  readonly usb?: string | null;
}

/** Which of the devices in question takes something along, by name; `null`: none does. */
export type Owner = (hanging: Hanging) => string | null;

/**
 * Of PCI devices: what hangs on them. What Intel VMD hides in a domain of its own goes with its controller; where the path does not
 * tell which of several has it, with each.
 */
export function ownerByPci(facts: Facts, devices: readonly PciDevice[]): Owner {
  const own = new Set(devices.map(({ address }) => address));
  const vmd = devices.find(({ driver }) => driver === 'vmd');
  return ({ pci }) => {
    if (pci === null) return null;
    if (own.has(pci)) return pci;
    let top = pci;
    for (let steps = 0; steps < 32; steps += 1) {
      const above = facts.hardware?.pci[top]?.parent ?? null;
      if (above === null) break;
      if (own.has(above)) return above;
      top = above;
    }
    return vmd !== undefined && isHidden(top) ? vmd.address : null;
  };
}

/** Of a port of USB: what hangs on it, also by a hub. */
export function ownerByPort(port: string): Owner {
  return ({ usb = null }) => (usb === port || usb?.startsWith(`${port}.`) === true ? port : null);
}

/** Whether a device is in a domain that Intel VMD has made: they begin at 0x10000 (drivers/pci/controller/vmd.c). */
export function isHidden(address: string): boolean {
  return Number.parseInt(address, 16) >= 0x10000;
}
