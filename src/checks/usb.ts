import { obstacleText } from '../devices/require-free.ts';
import { refuseTwice, selectUsb, type UsbSelector, usbObstaclesOf } from '../devices/usb.ts';
import { accessOf, isGranted, nodePath, type UsbAccess, type UsbAccessOptions } from '../devices/usb-node.ts';
import type { Facts } from '../facts/facts.ts';
import type { UsbDevice } from '../facts/hardware.ts';
import type { Check } from './check.ts';
import { refused } from './refused.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether USB devices are where they are said to be, and the host can do without them: no hub, no disk in use, no keyboard or
 * media of the BMC, no network that is in use.
 *
 * @example
 * gate: (host) => [checks.usbFree(host.vars.devices)]
 */
export function usbFree(devices: readonly UsbSelector[]): Check {
  return check({ id: 'usb-free', title: 'Can the host do without the USB devices?' }, ({ facts, host }) => {
    if (devices.length === 0) return { outcome: 'not-applicable', found: 'No USB devices are named for this host.' };
    return refused(() => judge(facts, devices, host));
  });
}

function judge(facts: Facts, selectors: readonly UsbSelector[], host: string): Judgement {
  refuseTwice(selectors, host);
  const devices = selectors.map((selector) => selectUsb(facts, selector, host));
  const obstacles = selectors.flatMap((selector) => usbObstaclesOf(facts, selector));
  const evidence = devices.map(
    ({ port, bus, device, vendor, product, serial, title }) =>
      `${port}: ${vendor}:${product} ${title ?? ''}, bus ${bus} device ${device}, serial number ${serial ?? 'none'}`,
  );
  if (obstacles.length === 0) {
    return {
      outcome: 'pass',
      found: `The host can do without ${selectors.map(({ port }) => port).join(', ')}.`,
      evidence,
    };
  }
  const remedy = [...new Set(obstacles.map((one) => one.remedy))].join('; ');
  return { outcome: 'fail', found: `${obstacles.map(obstacleText).join('; ')}.`, evidence, remedy };
}

/**
 * Whether QEMU may open USB devices: whether their nodes in `/dev` are the group's now, whatever rules say. Options: as for
 * `usbAccess`.
 *
 * @example
 * verify: (host) => [checks.usbAccessible(host.vars.devices, { group: 'libvirt-qemu' })]
 */
export function usbAccessible(devices: readonly UsbSelector[], options: UsbAccessOptions = {}): Check {
  return check({ id: 'usb-accessible', title: 'May QEMU open the USB devices?' }, ({ facts, host }) => {
    if (devices.length === 0) return { outcome: 'not-applicable', found: 'No USB devices are named for this host.' };
    return refused(() => judgeNodes(facts, devices, accessOf(options), host));
  });
}

function judgeNodes(facts: Facts, selectors: readonly UsbSelector[], access: UsbAccess, host: string): Judgement {
  const devices = selectors.map((selector) => selectUsb(facts, selector, host));
  const evidence = devices.map(nodeLine);
  const wrong = devices.filter((device) => isGranted(device, access) === false);
  if (wrong.length > 0) {
    const found = `${wrong.map(nodeLine).join('; ')}: expected root:${access.group} ${access.mode}.`;
    const remedy =
      'apply the playbook; `udevadm test /sys/bus/usb/devices/PORT` shows which rule has the last word on GROUP and MODE';
    return { outcome: 'fail', found, evidence, remedy };
  }
  const unread = devices.filter((device) => isGranted(device, access) === null).map(({ port }) => port);
  if (unread.length > 0) {
    const remedy = 'look at /dev/bus/usb on the host; `udevadm info /sys/bus/usb/devices/PORT` names the node';
    return { outcome: 'unknown', found: `No node in /dev was found for ${unread.join(', ')}.`, evidence, remedy };
  }
  const ports = devices.map(({ port }) => port).join(', ');
  return { outcome: 'pass', found: `Members of ${access.group} may open ${ports}.`, evidence };
}

function nodeLine(device: UsbDevice): string {
  const { port, node } = device;
  return `${port}: ${nodePath(device)} ${node === null ? 'was not found' : `is ${node.user}:${node.group} ${node.mode}`}`;
}
