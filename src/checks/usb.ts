import { obstacleText } from '../devices/require-free.ts';
import { selectUsb, type UsbSelector, usbObstaclesOf } from '../devices/usb.ts';
import type { Facts } from '../facts/facts.ts';
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
