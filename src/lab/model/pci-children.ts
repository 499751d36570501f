import type { MachinePciDevice } from '../machine.ts';
import { below, type Layout, link, merge } from './layout.ts';
import type { Running } from './running.ts';
import { disksLayout, nvmeLayout } from './sys-block.ts';
import { interfaceLayout } from './sys-net.ts';
import { usbLayout } from './sys-usb.ts';

/** What the driver of a device makes of it: an interface, disks, USB buses. It comes and goes with the driver. */
export function childrenLayout(running: Running, device: MachinePciDevice, at: string): Layout {
  const { network, serial, address } = device;
  const layouts = [usbLayout(running, address, at)];
  if (network !== undefined) {
    const place = `${at}/net/${network.name}`;
    layouts.push(interfaceLayout(running.settings, network, place), below(place, { device: link('../..') }));
  }
  layouts.push(serial === undefined ? disksLayout(running, address, at) : nvmeLayout(running, device, at));
  return merge(layouts);
}
