import type { KeptDevice } from '../facts/bound-devices.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import type { PciDetail } from '../facts/hardware.ts';

/** Serial numbers of the disks and controllers that a device is, or has. Empty: none can be read. */
export function serialsOf({ hardware }: Facts, { address }: PciDevice): readonly string[] {
  if (hardware === null) return [];
  const all = [...hardware.nvme, ...hardware.block].filter(({ pci }) => pci === address);
  return [...new Set(all.flatMap(({ serial }) => (serial === null || serial.trim() === '' ? [] : [serial.trim()])))];
}

/** What a binding has noted of the device that is there now; `null`: none binds it, or it is another one. */
export function boundAs({ hardware }: Facts, { address, vendor, device }: PciDevice): KeptDevice | null {
  const id = `${vendor}:${device}`;
  return hardware?.bound?.find((one) => one.address === address && one.id === id) ?? null;
}

/** Whether an earlier run has bound devices under that name, or kept drivers away: something of it may be to be given back. */
export function wasBoundBy({ hardware, setup }: Facts, name: string): boolean {
  const isBound = hardware?.bound?.some(({ binding }) => binding === name) ?? false;
  return isBound || (setup?.files.some(({ path }) => path === `/etc/modprobe.d/vfleet-${name}.conf`) ?? false);
}

/** Names of the physical slots that a device is in: a card with a bridge of its own has its devices behind that. */
export function slotNames({ hardware }: Facts, { address }: PciDevice): readonly string[] {
  const names = new Set<string>();
  const seen = new Set<string>();
  let at: string | null = address;
  while (at !== null && !seen.has(at)) {
    seen.add(at);
    const detail: PciDetail | undefined = hardware?.pci[at];
    if (typeof detail?.slot === 'string') names.add(detail.slot);
    at = detail?.parent ?? null;
  }
  return [...names];
}

/** Whether a device is a bridge, by its class. */
export function isBridge(device: PciDevice): boolean {
  return device.class.startsWith('06');
}
