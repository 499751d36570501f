import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { slotAt } from './address.ts';
import { findDevices } from './find.ts';
import { devicesOf, unitsOf } from './select.ts';
import type { DeviceSelector } from './selector.ts';
import { selectorText } from './selectors.ts';

/** Kinds of devices that have a playbook of their own, which has their name. */
export type DeviceKind = 'gpu' | 'nvme';

/** Of the devices that are named for a host, those of one kind. */
export interface DevicesOfKind {
  readonly devices: readonly DeviceSelector[];
  /** What is left out, and which playbook takes it. */
  readonly notes: readonly string[];
}

/**
 * Of selectors those that mean devices of a kind, or what goes with them by slot and IOMMU group, as one variable names the
 * devices of a host for all playbooks. One that means others besides becomes addresses; one that finds nothing stays, to be
 * refused. Pure. Errors: `device.none` where nothing is left, `device.selector` for a disk without address and serial number.
 *
 * @example
 * devicesOfKind(host, host.vars.devices, 'nvme').devices
 */
export function devicesOfKind(
  { name, facts }: { readonly name: string; readonly facts: Facts },
  selectors: readonly DeviceSelector[],
  kind: DeviceKind,
): DevicesOfKind {
  const found = selectors.map((selector) => {
    const said = findDevices(facts, selector);
    return { selector, devices: 'devices' in said ? said.devices : [] };
  });
  const all = found.flatMap(({ devices }) => devices);
  const ofKind = all.filter((device) => kindOf(facts, device) === kind);
  const mine = new Set(unitsOf(facts, new Map(ofKind.map((device) => [device, []]))).flatMap(devicesOf));
  const kept = found.flatMap(({ selector, devices }) => narrowed(selector, devices, mine));
  const others = [...new Set(all)].filter((device) => !mine.has(device));
  const notes = others.map(
    (device) => `left out: ${device.address} is no ${words[kind]}: ${takerOf(facts, device)} takes it`,
  );
  if (selectors.length > 0 && kept.length === 0) throw noneLeft(name, selectors, kind, notes);
  if (kind === 'nvme') refuseUnnamed(name, facts, kept);
  return { devices: kept, notes };
}

const words: Readonly<Record<DeviceKind, string>> = { gpu: 'GPU', nvme: 'NVMe disk' };

/** Displays and accelerators with all functions of their slots; NVMe disks. `null`: any other. */
function kindOf({ pci }: Facts, device: PciDevice): DeviceKind | null {
  if (device.class.startsWith('0108')) return 'nvme';
  const isGpu = ({ class: code }: PciDevice): boolean => code.startsWith('03') || code.startsWith('12');
  return pci.some((other) => isGpu(other) && slotAt(other.address) === slotAt(device.address)) ? 'gpu' : null;
}

/** The playbook that takes a device: `gpu`, `nvme`, or `custom-pci`, which takes any. */
export function takerOf(facts: Facts, device: PciDevice): string {
  return kindOf(facts, device) ?? 'custom-pci';
}

function narrowed(
  selector: DeviceSelector,
  devices: readonly PciDevice[],
  mine: ReadonlySet<PciDevice>,
): readonly DeviceSelector[] {
  if (devices.every((device) => mine.has(device))) return [selector];
  const { allow } = selector;
  return devices.filter((device) => mine.has(device)).map(({ address }) => ({ address, ...(allow && { allow }) }));
}

/** The boot disk is often of the same model, and addresses move. */
function refuseUnnamed(host: string, facts: Facts, selectors: readonly DeviceSelector[]): void {
  for (const selector of selectors) {
    const said = findDevices(facts, selector);
    const disk = 'devices' in said ? said.devices.find((device) => kindOf(facts, device) === 'nvme') : undefined;
    if (disk === undefined || (selector.address !== undefined && selector.serial !== undefined)) continue;
    throw new VfleetError({
      code: 'device.selector',
      host,
      thing: `devices ${selectorText(selector)}`,
      expected: 'each disk by address and serial: { address: 0000:5e:00.0, serial: S4EMNX0R123456 }',
      found: `${disk.address} without ${selector.address === undefined ? 'its address' : 'its serial number'}`,
      next: 'see `vfleet devices --kind nvme`; nothing was changed',
    });
  }
}

function noneLeft(
  host: string,
  selectors: readonly DeviceSelector[],
  kind: DeviceKind,
  notes: readonly string[],
): VfleetError {
  return new VfleetError({
    code: 'device.none',
    host,
    thing: `devices ${selectors.map(selectorText).join(', ')}`,
    expected: `at least one ${words[kind]}`,
    found: notes.join('; '),
    next: 'name one, or apply the other playbook; nothing was changed',
  });
}
