import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { UsbDevice } from '../facts/hardware.ts';
import type { Obstacle } from './obstacle.ts';
import { obstaclesOfPort } from './obstacles.ts';
import type { OpenNodes } from './open-nodes.ts';
import { refusal } from './require-free.ts';
import { type Consent, consents } from './selector.ts';

/** A USB device by where it is plugged in, with what must be found there. */
export interface UsbSelector {
  /** Bus and path of ports, which stay over replugging: `1-2.3`. */
  readonly port: string;
  /** `vendor:product`: alone it would mean every dongle of that kind. */
  readonly id: string;
  /** Where the device has one. */
  readonly serial?: string | undefined;
  /** What of it may be passed all the same. */
  readonly allow?: readonly Consent[] | undefined;
}

const port = z
  .string('expected a port such as 1-2.3')
  .regex(
    /^\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,6}$/,
    'expected a port such as 1-2.3, as in /sys/bus/usb/devices: bus and device numbers change',
  );
const id = z
  .string('expected ids such as 0403:6001, as lsusb shows them')
  .transform((text) => text.toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/, 'expected ids such as 0403:6001, as lsusb shows them'));

/** Such a device in the variables of a playbook: an object, or port and ids in one text: `1-2.3 0403:6001`. */
export const usbSelector = z.preprocess(
  (given) => {
    if (typeof given !== 'string') return given;
    const [first, second, ...rest] = given.trim().split(/[\s=@]+/);
    return second !== undefined && rest.length === 0 ? { port: first, id: second } : given;
  },
  z.strictObject(
    {
      port,
      id,
      // It becomes a pattern of udev's, and a word of its rules.
      serial: z
        .string()
        .regex(/^[\w.:/+ -]{1,126}$/, 'expected a serial number of plain characters')
        .optional(),
      allow: z.array(z.enum(consents as [Consent, ...Consent[]])).optional(),
    },
    'expected a port and ids: { port: 1-2.3, id: "0403:6001" }, or "1-2.3 0403:6001"',
  ),
);

/** The device that a selector means. Errors: `device.unknown`, `device.none`, `device.other`. */
export function selectUsb({ hardware }: Facts, selector: UsbSelector, host: string): UsbDevice {
  if (hardware === null) {
    const next = 'read the facts again with this version of vfleet';
    throw problem('unknown', host, selector.port, 'USB devices of the host', 'facts in which they were not read', next);
  }
  const hint = hintOf(hardware.usb, selector);
  const found = hardware.usb.find((one) => one.port === selector.port);
  if (found === undefined) throw problem('none', host, selector.port, selector.id, 'nothing is plugged in there', hint);
  if (idOf(found) !== selector.id) {
    throw problem('other', host, selector.port, selector.id, `${idOf(found)} ${found.title ?? ''}`.trim(), hint);
  }
  const { serial } = selector;
  if (serial === undefined || serial === found.serial) return found;
  const there = `${selector.id} with serial number ${found.serial ?? 'none'}`;
  throw problem('other', host, selector.port, `serial number ${serial}`, there, hint);
}

/** Where the device is that is meant: by its serial number where one is said, as twins differ in nothing else. */
function hintOf(all: readonly UsbDevice[], { port: at, id: wished, serial }: UsbSelector): string {
  const alike = all.filter((one) => idOf(one) === wished && one.port !== at);
  const same = serial === undefined ? alike : alike.filter((one) => one.serial === serial);
  const places = same.map((one) => one.port).join(', ');
  const name = serial === undefined ? wished : `${wished} with serial number ${serial}`;
  return same.length === 0
    ? `plug ${name} in there, or correct the inventory; \`vfleet devices --kind usb\` shows those that are there`
    : `correct the inventory: ${name} is at ${places} (buses are numbered anew when controllers come or go)`;
}

/** One port is one device: two rules for it would be one too many. Errors: `device.twice`. */
export function refuseTwice(selectors: readonly UsbSelector[], host: string): void {
  const twin = selectors.find((one, at) => selectors.findIndex(({ port: other }) => other === one.port) < at);
  if (twin === undefined) return;
  throw problem(
    'twice',
    host,
    twin.port,
    'one device for the port',
    'it twice',
    'leave one of them out of the inventory',
  );
}

/** Why a USB device may not be taken from the host, but for what its operator allows. `open`: leave it out where processes are not judged. */
export function usbObstaclesOf(facts: Facts, selector: UsbSelector, open?: OpenNodes): readonly Obstacle[] {
  return obstaclesOfPort(facts, selector.port, open).filter(
    ({ consent }) => consent === undefined || selector.allow?.includes(consent) !== true,
  );
}

/**
 * Devices that the host can do without. `openAt`: what processes have open, for those at whose ports they are judged. Errors: those of
 * `refuseTwice` and `selectUsb`; `device.` and the kind of the first obstacle.
 */
export function requireUsb(
  facts: Facts,
  selectors: readonly UsbSelector[],
  host: string,
  openAt: (port: string) => OpenNodes | undefined,
): readonly UsbDevice[] {
  refuseTwice(selectors, host);
  const devices = selectors.map((selector) => selectUsb(facts, selector, host));
  const obstacles = selectors.flatMap((selector) => usbObstaclesOf(facts, selector, openAt(selector.port)));
  if (obstacles.length > 0) throw refusal(obstacles, host);
  return devices;
}

function idOf({ vendor, product }: UsbDevice): string {
  return `${vendor}:${product}`;
}

function problem(code: string, host: string, at: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: `device.${code}`, host, thing: `USB port ${at}`, expected, found, next });
}
