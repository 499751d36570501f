import type { HardwareFacts, UsbDevice } from '../../facts/hardware.ts';
import type { Obstacle } from '../obstacle.ts';
import type { Owner } from './owner.ts';

/** Keyboards, mice and what a management controller has plugged in: of a USB controller, or of a port. */
export function usbObstacles({ usb }: HardwareFacts, owner: Owner): readonly Obstacle[] {
  return usb.flatMap((one) => {
    const device = owner({ pci: one.pci, usb: one.port });
    return device === null ? [] : obstacleOf(one, device);
  });
}

function obstacleOf(one: UsbDevice, device: string): readonly Obstacle[] {
  const name = `${one.port} ${one.title ?? `${one.vendor}:${one.product}`}`;
  if (isManagement(one)) {
    const reason = `${name} is of the board's management controller (BMC)`;
    const remedy = 'select another device, or allow bmc: remote keyboard and media are lost';
    return [{ kind: 'bmc', device, reason, remedy, consent: 'bmc' }];
  }
  // USB-IF: base class 03h, human interface devices; licence dongles and power supplies say to be ones, too.
  if (!one.interfaces.some((part) => part.class === '03')) return [];
  const reason = `${name} is a keyboard, mouse or the like`;
  return [{ kind: 'input', device, reason, remedy: inputRemedy, consent: 'input' }];
}

const inputRemedy =
  'unplug it, plug it into a port of another controller, or allow input where nobody needs it at the host';

/**
 * Vendors whose USB devices are in management controllers: American Megatrends, Avocent, ATEN of boards by Supermicro, and HPE's
 * and Dell's virtual ones by what they call themselves.
 */
const managementVendors: ReadonlySet<string> = new Set(['046b', '0624']);
const managementTitles =
  /\b(?:virtual (?:hub|keyboard|mouse|media|cd-?rom|floppy|disk|ethernet|nic)|iDRAC|iLO|BMC|IPMI|Avocent|Megatrends)\b/i;

function isManagement({ vendor, title }: UsbDevice): boolean {
  return managementVendors.has(vendor) || managementTitles.test(title ?? '');
}
