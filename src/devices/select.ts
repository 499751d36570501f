import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { slotAt } from './address.ts';
import { selectDevices } from './find.ts';
import { isBridge } from './identity.ts';
import type { Unit } from './selection.ts';
import type { Consent, DeviceSelector } from './selector.ts';

/**
 * What selectors mean on a host, as units that are handed over together: VFIO opens a device only when it has all of its
 * IOMMU group (drivers/vfio/vfio_main.c), and the functions of a slot are one card. Errors: `device.unknown` where it was
 * not read what else is known of devices; `device.none`, `device.count`, `device.other` of each selector.
 */
export function selectUnits(facts: Facts, selectors: readonly DeviceSelector[], host: string): readonly Unit[] {
  if (selectors.length === 0) return [];
  if (facts.hardware === null) throw unknownHardware(host);
  const allowed = new Map<PciDevice, Set<Consent>>();
  for (const selector of selectors) {
    for (const device of selectDevices(facts, selector, host)) {
      const known = allowed.get(device) ?? new Set<Consent>();
      for (const consent of selector.allow ?? []) known.add(consent);
      allowed.set(device, known);
    }
  }
  return unitsOf(facts, allowed);
}

/** All devices of a unit, by address. */
export function devicesOf({ selected, mates }: Unit): readonly PciDevice[] {
  return [...selected, ...mates].sort((one, other) => (one.address < other.address ? -1 : 1));
}

/** The units of chosen devices: what slot and group connect, over any number of steps. */
export function unitsOf(facts: Facts, chosen: ReadonlyMap<PciDevice, Iterable<Consent>>): readonly Unit[] {
  const able = facts.pci.filter((device) => chosen.has(device) || !isBridge(device));
  const sharing = new Map<string, PciDevice[]>();
  for (const device of able) {
    for (const tie of tiesOf(facts, device)) {
      const known = sharing.get(tie);
      if (known === undefined) sharing.set(tie, [device]);
      else known.push(device);
    }
  }
  const taken = new Set<PciDevice>();
  return [...chosen.keys()].flatMap((first) => {
    if (taken.has(first)) return [];
    const members = reach(first, (device) => tiesOf(facts, device).flatMap((tie) => sharing.get(tie) ?? []));
    for (const member of members) taken.add(member);
    const all = able.filter((device) => members.has(device));
    const selected = all.filter((device) => chosen.has(device));
    return [
      {
        selected,
        mates: all.filter((device) => !chosen.has(device)),
        allow: [...new Set(selected.flatMap((device) => [...(chosen.get(device) ?? [])]))],
      },
    ];
  });
}

/** What a device shares with those that go with it. A virtual function has a number in the slot, but is no part of the card. */
function tiesOf({ hardware }: Facts, { address, iommuGroup }: PciDevice): readonly string[] {
  const isVirtual = (hardware?.pci[address]?.physicalFunction ?? null) !== null;
  return [...(isVirtual ? [] : [`slot ${slotAt(address)}`]), ...(iommuGroup === null ? [] : [`group ${iommuGroup}`])];
}

function reach(first: PciDevice, next: (device: PciDevice) => readonly PciDevice[]): ReadonlySet<PciDevice> {
  const reached = new Set([first]);
  for (const device of reached) for (const other of next(device)) reached.add(other);
  return reached;
}

function unknownHardware(host: string): VfleetError {
  return new VfleetError({
    code: 'device.unknown',
    host,
    thing: 'what uses its devices',
    expected: 'disks, interfaces and slots of the host',
    found: 'facts in which they were not read',
    next: 'read the facts again with this version of vfleet',
  });
}
