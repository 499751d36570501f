import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { slotAt } from './address.ts';
import { boundAs, serialsOf, slotNames } from './identity.ts';
import type { Obstacle } from './obstacle.ts';
import { displayObstacles } from './obstacles/display.ts';
import { obstacleText } from './require-free.ts';
import type { DeviceSelector } from './selector.ts';
import { selectorText } from './selectors.ts';

/** What a selector found on a host: its devices, or why it is not to be trusted there; and displays that it leaves out. */
export type Found = ({ readonly devices: readonly PciDevice[] } | { readonly fault: Fault }) & {
  readonly leftOut: readonly Obstacle[];
};

export interface Fault {
  readonly code: 'device.none' | 'device.count' | 'device.other' | 'device.unknown';
  readonly expected: string;
  readonly found: string;
  readonly next: string;
}

/** The devices that a selector means. Errors: `device.none`, `device.count`, `device.other`, `device.unknown`. */
export function selectDevices(facts: Facts, selector: DeviceSelector, host: string): readonly PciDevice[] {
  const found = findDevices(facts, selector);
  if ('devices' in found) return found.devices;
  throw new VfleetError({ ...found.fault, host, thing: `devices ${selectorText(selector)}` });
}

/** The same, without throwing. */
export function findDevices(facts: Facts, selector: DeviceSelector): Found {
  if (facts.hardware === null && (selector.serial ?? selector.physicalSlot) !== undefined) {
    const next = 'capture the facts again with this version of vfleet';
    const fault: Fault = {
      code: 'device.unknown',
      expected: 'serial numbers and slots',
      found: 'neither was read',
      next,
    };
    return { fault, leftOut: [] };
  }
  const fitting = facts.pci.filter((device) => misfits(facts, device, selector).length === 0);
  const leftOut = displaysLeft(fitting, selector);
  const devices = fitting.filter(({ address }) => !leftOut.some(({ device }) => device === address));
  if (fitting.length === 0) return { fault: whyNone(facts, selector), leftOut };
  if (devices.length === 0) return { fault: onlyDisplays(leftOut), leftOut };
  const { count = selector.address !== undefined || selector.serial !== undefined ? 1 : null } = selector;
  if (count === null || devices.length === count) return { devices, leftOut };
  const left = leftOut.length === 0 ? '' : `; left out: ${leftOut.map(obstacleText).join('; ')}`;
  return {
    fault: {
      code: 'device.count',
      expected: `${count}`,
      found: `${devices.length}: ${devices.map(({ address }) => address).join(', ')}${left}`,
      next: 'name them by address, or correct count',
    },
    leftOut,
  };
}

/**
 * Of devices that are meant by what they are, and not by name, the displays that the host needs: who wants all GPUs means those
 * for guests. What is named by its place or number stands, and is refused.
 */
function displaysLeft(devices: readonly PciDevice[], selector: DeviceSelector): readonly Obstacle[] {
  const { address, slot, serial, physicalSlot, allow = [] } = selector;
  if ((address ?? slot ?? serial ?? physicalSlot) !== undefined) return [];
  return displayObstacles(devices).filter(({ consent }) => consent === undefined || !allow.includes(consent));
}

function onlyDisplays(leftOut: readonly Obstacle[]): Fault {
  return {
    code: 'device.none',
    expected: 'one that the host can do without',
    found: leftOut.map(obstacleText).join('; '),
    next: [...new Set(leftOut.map(({ remedy }) => remedy))].join('; '),
  };
}

/** A key that a device does not fit, and what it has instead. */
interface Misfit {
  readonly key: keyof DeviceSelector;
  readonly expected: string;
  readonly found: string;
}

function misfits(facts: Facts, device: PciDevice, selector: DeviceSelector): readonly Misfit[] {
  const id = `${device.vendor}:${device.device}`;
  const { address, slot, id: wantedId, class: wantedClass, driver, serial, numaNode, physicalSlot } = selector;
  const serials = serialsOf(facts, device);
  const slots = slotNames(facts, device);
  const misfit = (key: keyof DeviceSelector, expected: unknown, found: string, fits: boolean): readonly Misfit[] =>
    expected === undefined || fits ? [] : [{ key, expected: String(expected), found }];
  return [
    ...misfit('address', address, device.address, device.address === address),
    ...misfit('slot', slot, slotAt(device.address), slotAt(device.address) === slot),
    ...misfit('id', wantedId, id, id === wantedId),
    ...misfit('class', wantedClass, device.class, device.class.startsWith(wantedClass ?? '')),
    ...misfit('driver', driver, device.driver ?? 'none', fitsDriver(facts, device, selector)),
    ...misfit('serial', serial, serials.join(', ') || 'none that can be read', fitsSerial(facts, device, selector)),
    ...misfit('numaNode', numaNode, String(device.numaNode ?? 'none'), device.numaNode === numaNode),
    ...misfit('physicalSlot', physicalSlot, slots.join(', ') || 'none', slots.includes(physicalSlot ?? '')),
    // Where nothing names the device itself, a bridge that happens to fit is not meant.
    ...misfit(
      'class',
      isBroad(selector) && device.class.startsWith('06') ? 'an endpoint' : undefined,
      'a bridge',
      false,
    ),
  ];
}

function isBroad({ address, slot, id }: DeviceSelector): boolean {
  return (address ?? slot ?? id) === undefined;
}

/**
 * Once it is bound only the binding tells the former driver, where it has noted that; else what else the selector says has to
 * do. A place that is named stands either way.
 */
function fitsDriver(facts: Facts, device: PciDevice, { driver = '', ...others }: DeviceSelector): boolean {
  const isMeant = (name: string | null | undefined): boolean =>
    name?.replaceAll('_', '-') === driver.replaceAll('_', '-');
  if (isMeant(device.driver)) return true;
  const former = isAway(device) ? boundAs(facts, device)?.former : null;
  if (isMeant(former)) return true;
  if (!isGiven(device)) return false;
  if ((others.address ?? others.slot) !== undefined) return true;
  return typeof former !== 'string' && (others.id ?? others.class) !== undefined;
}

/** The serial number of a disk can be read as long as its own driver has it; then the binding has it, or an address has to do. */
function fitsSerial(facts: Facts, device: PciDevice, { serial = '', address }: DeviceSelector): boolean {
  const serials = serialsOf(facts, device);
  if (serials.length > 0) return serials.includes(serial);
  if (isAway(device) && boundAs(facts, device)?.serial === serial) return true;
  return address !== undefined && isGiven(device);
}

/** No driver of the host has it: also where a boot took its driver from it, and vfio-pci is still to come. */
function isAway({ driver }: PciDevice): boolean {
  return driver === null || driver === 'vfio-pci';
}

function isGiven({ driver }: PciDevice): boolean {
  return driver === 'vfio-pci';
}

/** What names a device: where one is found that does not fit otherwise, it is another device than is meant. */
const anchors = ['address', 'slot', 'serial'] as const;

function whyNone(facts: Facts, selector: DeviceSelector): Fault {
  for (const anchor of anchors) {
    const wanted = selector[anchor];
    if (wanted === undefined) continue;
    const there = facts.pci.filter((device) => misfits(facts, device, { [anchor]: wanted }).length === 0);
    if (there.length > 0) return otherDevice(facts, there, selector);
  }
  const expected = isPlain(selector) ? 'it on this host' : 'one that fits on this host';
  return { code: 'device.none', expected, found: 'none', next: hintFor(facts, selector) };
}

function isPlain(selector: DeviceSelector): boolean {
  return (selector.address ?? selector.id ?? selector.serial) !== undefined;
}

function otherDevice(facts: Facts, there: readonly PciDevice[], selector: DeviceSelector): Fault {
  const wrong = there.map((device) => ({ device, misfits: misfits(facts, device, selector) }));
  const [first] = wrong.toSorted((one, other) => one.misfits.length - other.misfits.length);
  const differing = first?.misfits ?? [];
  return {
    code: 'device.other',
    expected: differing.map(({ key, expected }) => `${key} ${expected}`).join(', '),
    found: `${differing.map(({ key, found }) => `${key} ${found}`).join(', ')} at ${first?.device.address ?? 'that place'}`,
    next: hintFor(facts, selector),
  };
}

/** Where what is meant may be now. */
function hintFor(facts: Facts, { id, serial, driver }: DeviceSelector): string {
  const all = (devices: readonly PciDevice[]): string => devices.map(({ address }) => address).join(', ');
  const moved = facts.pci.filter(
    (device) =>
      (serial !== undefined && serialsOf(facts, device).includes(serial)) ||
      (serial === undefined && id === `${device.vendor}:${device.device}`),
  );
  const what = serial === undefined ? `ids ${id}` : `serial ${serial}`;
  if (moved.length > 0)
    return `correct the inventory: ${what} is at ${all(moved)} (addresses move with cards and firmware)`;
  const given = facts.pci.filter(isGiven);
  if (given.length > 0 && (driver !== undefined || serial !== undefined)) {
    const which = driver === undefined ? 'serial number' : 'former driver';
    return `name it by its address, too: of what vfio-pci holds already (${all(given)}) nobody can tell the ${which}`;
  }
  return 'see `vfleet devices` for those of this host';
}
