import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { slotAt } from './address.ts';
import { serialsOf, slotNames } from './identity.ts';
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
    ...misfit('driver', driver, device.driver ?? 'none', fitsDriver(device, selector)),
    ...misfit('serial', serial, serials.join(', ') || 'none that can be read', fitsSerial(device, serials, selector)),
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

/** Once it is bound nothing tells the former driver: what else the selector says has to do. */
function fitsDriver(device: PciDevice, { driver = '', ...others }: DeviceSelector): boolean {
  const plain = (name: string): string => name.replaceAll('_', '-');
  if (device.driver !== null && plain(device.driver) === plain(driver)) return true;
  return isGiven(device) && (others.address ?? others.slot ?? others.id ?? others.class) !== undefined;
}

/** The serial number of a disk can be read as long as its own driver has it; beside an address that has to do. */
function fitsSerial(device: PciDevice, serials: readonly string[], { serial = '', address }: DeviceSelector): boolean {
  if (serials.includes(serial)) return true;
  return serials.length === 0 && address !== undefined && isGiven(device);
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
