import type { Reading } from './selector-keys.ts';

/** `0000:03:00.0` as other tools write it: without domain, without leading zeros, as a path, as libvirt's name. */
const place = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})(?:\.([0-9a-f]{1,2}))?$/;

/** The full address of one function. */
export function readAddress(given: string): Reading<string> {
  const parts = place.exec(plain(given));
  if (parts === null) return { mistake: 'expected an address such as 0000:03:00.0' };
  const [, domain = '0', bus = '', device = '', part] = parts;
  const slot = slotOf(domain, bus, device);
  if (part === undefined) return { mistake: `expected a function at its end; for all functions, say slot: ${slot}` };
  if (Number.parseInt(device, 16) > 0x1f) return { mistake: 'expected a device from 00 to 1f, in hex digits' };
  if (!/^0?[0-7]$/.test(part)) return { mistake: 'expected a function from 0 to 7' };
  return { value: `${slot}.${part.slice(-1)}` };
}

/** The address of a slot: one without function. */
export function readSlot(given: string): Reading<string> {
  const parts = place.exec(plain(given));
  if (parts === null) return { mistake: 'expected a slot such as 0000:03:00' };
  const [, domain = '0', bus = '', device = '', part] = parts;
  if (part !== undefined) return { mistake: `expected no function; for that one alone, say address: ${given}` };
  if (Number.parseInt(device, 16) > 0x1f) return { mistake: 'expected a device from 00 to 1f, in hex digits' };
  return { value: slotOf(domain, bus, device) };
}

/** `vvvv:dddd`. */
export function readIds(given: string): Reading<string> {
  const [, vendor, device] = /^\[?(?:0x)?([0-9a-f]{4}):(?:0x)?([0-9a-f]{4})\]?$/.exec(given.toLowerCase()) ?? [];
  return vendor === undefined || device === undefined
    ? { mistake: 'expected ids such as 10de:1b06: vendor and device, four hex digits each' }
    : { value: `${vendor}:${device}` };
}

/** Whether a text is meant as an address or a slot, right or wrong. */
export function isPlace(given: string): boolean {
  return place.test(plain(given));
}

/** Whether it ends in the number of a function. */
export function hasFunction(given: string): boolean {
  return plain(given).includes('.');
}

/** An address without its function. */
export function slotAt(address: string): string {
  return address.slice(0, address.lastIndexOf('.'));
}

function slotOf(domain: string, bus: string, device: string): string {
  const wide = Number.parseInt(domain, 16).toString(16).padStart(4, '0');
  return `${wide}:${bus.padStart(2, '0')}:${device.padStart(2, '0')}`;
}

function plain(given: string): string {
  const last = given
    .trim()
    .toLowerCase()
    .replace(/^\/sys\/bus\/pci\/(?:devices|slots)\//, '');
  return last.replace(/^pci_([0-9a-f]{4,8})_([0-9a-f]{2})_([0-9a-f]{2})_([0-7])$/, '$1:$2:$3.$4');
}
