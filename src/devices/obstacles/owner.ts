import type { Facts, PciDevice } from '../../facts/facts.ts';

/** Where something hangs: on a PCI device, on a port of USB. */
export interface Hanging {
  readonly pci: string | null;
  readonly usb?: string | null;
}

/** Which of the devices in question takes something along, by name; `null`: none does. */
export type Owner = (hanging: Hanging) => string | null;

/**
 * Of PCI devices: what hangs on them. What Intel VMD hides in a domain of its own goes with its controller; which of several
 * has it is not told, so that each does.
 */
export function ownerByPci(facts: Facts, devices: readonly PciDevice[]): Owner {
  const own = new Set(devices.map(({ address }) => address));
  const vmd = devices.find(({ driver }) => driver === 'vmd');
  return ({ pci }) => {
    if (pci === null) return null;
    if (own.has(pci)) return pci;
    for (let at = facts.hardware?.pci[pci]?.parent ?? null, steps = 0; at !== null && steps < 32; steps += 1) {
      if (own.has(at)) return at;
      at = facts.hardware?.pci[at]?.parent ?? null;
    }
    return vmd !== undefined && isHidden(pci) ? vmd.address : null;
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
