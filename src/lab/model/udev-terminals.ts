import type { MachineSettings } from '../machine.ts';
import { file, type Layout } from './layout.ts';
import { applyUdevRules, type UdevDevice, type UdevNode } from './udev-event.ts';
import type { UdevRule } from './udev-rules.ts';

/**
 * Records of udev's about serial ports (`/run/udev/data`), with the names in `/dev` that rules give them. A node has neither the
 * ports nor their links in `/dev`. `layout`: what there is in `/sys`, and the records without own rules.
 */
export function terminalRecords(
  layout: Layout,
  settings: MachineSettings,
  rules: readonly UdevRule[],
  action: string,
): Layout {
  const records = [...layout].flatMap(([path, entry]): readonly (readonly [string, string])[] => {
    const name = /^\/sys\/devices\/.*\/tty\/(tty[A-Z]\w*)\/dev$/.exec(path)?.[1];
    if (name === undefined || entry.kind !== 'file') return [];
    const at = `/run/udev/data/c${String(entry.content).trim()}`;
    const known = layout.get(at);
    const base = known?.kind === 'file' ? String(known.content).trim().split('\n') : [];
    const { links } = applyUdevRules(rules, terminal(name, settings, action));
    const lines = [...links.map((link) => `S:${link}`), ...base];
    return lines.length === 0 ? [] : [[at, `${lines.join('\n')}\n`]];
  });
  return new Map(records.map(([path, text]) => [path, file(text)]));
}

/** A port of the board hangs on nothing that rules ask for; one of USB on its interface, and on the device. */
function terminal(kernel: string, settings: MachineSettings, action: string): UdevDevice {
  const bare = { action, kernel, subsystem: 'tty', driver: null, attribute: () => null };
  for (const device of settings.usb ?? []) {
    const index = device.interfaces.findIndex(({ tty }) => tty === kernel);
    if (index === -1) continue;
    const values: Readonly<Record<string, string | undefined>> = {
      idVendor: device.vendor,
      idProduct: device.product,
      serial: device.serial,
      manufacturer: device.manufacturer,
      product: device.title,
    };
    const node = (name: string, attribute: UdevNode['attribute']): UdevNode => {
      return { kernel: name, subsystem: 'usb', driver: null, attribute };
    };
    const number = index.toString(16).padStart(2, '0');
    return {
      ...bare,
      parents: [
        node(`${device.port}:1.${index}`, (name) => (name === 'bInterfaceNumber' ? number : null)),
        node(device.port, (name) => values[name] ?? null),
      ],
      properties: {
        ID_BUS: 'usb',
        ID_USB_INTERFACE_NUM: number,
        ID_VENDOR_ID: device.vendor,
        ID_MODEL_ID: device.product,
      },
    };
  }
  return bare;
}
