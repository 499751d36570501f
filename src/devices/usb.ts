import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { UsbDevice } from '../facts/hardware.ts';
import type { Obstacle } from './obstacle.ts';
import { obstaclesOfPort } from './obstacles.ts';
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
  .string()
  .regex(
    /^\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,6}$/,
    'expected a port such as 1-2.3, as in /sys/bus/usb/devices: bus and device numbers change',
  );
const id = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/, 'expected ids such as 0403:6001, as lsusb shows them'));

/** Such a device in the variables of a playbook: an object, or port and ids in one text: `1-2.3 0403:6001`. */
export const usbSelector = z.preprocess(
  (given) => {
    if (typeof given !== 'string') return given;
    const [first, second, ...rest] = given.trim().split(/[\s=@]+/);
    return rest.length === 0 ? { port: first, id: second } : given;
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
  const twins = hardware.usb.filter((one) => idOf(one) === selector.id);
  const hint =
    twins.length === 0
      ? 'plug it in; `vfleet devices --kind usb` shows those that are there'
      : `correct the inventory: ${selector.id} is at ${twins.map((one) => one.port).join(', ')} (buses are numbered anew when controllers come or go)`;
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

/** Why a USB device may not be taken from the host, but for what its operator allows. */
export function usbObstaclesOf(facts: Facts, selector: UsbSelector): readonly Obstacle[] {
  return obstaclesOfPort(facts, selector.port).filter(
    ({ consent }) => consent === undefined || selector.allow?.includes(consent) !== true,
  );
}

/** Devices that the host can do without. Errors: those of `selectUsb`; `device.` and the kind of the first obstacle. */
export function requireUsb(facts: Facts, selectors: readonly UsbSelector[], host: string): readonly UsbDevice[] {
  const devices = selectors.map((selector) => selectUsb(facts, selector, host));
  const obstacles = selectors.flatMap((selector) => usbObstaclesOf(facts, selector));
  if (obstacles.length > 0) throw refusal(obstacles, host);
  return devices;
}

function idOf({ vendor, product }: UsbDevice): string {
  return `${vendor}:${product}`;
}

function problem(code: string, host: string, at: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: `device.${code}`, host, thing: `USB port ${at}`, expected, found, next });
}
